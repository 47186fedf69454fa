#include "eval/random_values.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/random.h"

namespace levin::eval {
namespace {

// Elements are drawn from a fixed population of normal numbers, 16 random bits each: a table
// look-up is some twenty times faster than a logarithm and a cosine for every weight.
constexpr int64_t kPopulation = 1 << 16;
constexpr uint64_t kPopulationSeed = 0x6C6576696EULL;

struct Population {
  std::vector<float> normal = std::vector<float>(kPopulation);           // [kPopulation] N(0, 1)
  std::vector<base::E4m3> codes = std::vector<base::E4m3>(kPopulation);  // [kPopulation]
  float codes_std = 0.0F;

  Population() {
    float largest = 0.0F;
    for (int64_t i = 0; i < kPopulation; ++i) {
      const auto value =
          static_cast<float>(base::random_normal(kPopulationSeed, static_cast<uint64_t>(i)));
      normal[static_cast<size_t>(i)] = value;
      largest = std::max(largest, std::abs(value));
    }
    double squares = 0.0;
    for (size_t i = 0; i < normal.size(); ++i) {
      codes[i] = base::to_e4m3(normal[i] * base::kE4m3Max / largest);
      squares += std::pow(base::to_f32(codes[i]), 2);
    }
    codes_std = static_cast<float>(std::sqrt(squares / kPopulation));
  }
};

const Population& population() {
  static const Population instance;
  return instance;
}

/// out[i] = pick(16 random bits of element first + i).
template <typename T, typename Pick>
void fill(uint64_t stream, int64_t first, std::span<T> out, const Pick& pick) {
  LEVIN_CHECK(first % kValuesPerWord == 0);
  auto word_idx = static_cast<uint64_t>(first / kValuesPerWord);
  for (size_t i = 0; i < out.size(); i += kValuesPerWord, ++word_idx) {
    uint64_t word = base::random_bits(stream, word_idx);
    const size_t count = std::min<size_t>(kValuesPerWord, out.size() - i);
    for (size_t k = 0; k < count; ++k, word >>= 16) {
      out[i + k] = pick(word & 0xFFFFU);
    }
  }
}

}  // namespace

void fill_normal(uint64_t stream, int64_t first, float mean, float std, std::span<base::Bf16> out) {
  const float* normal = population().normal.data();
  fill(stream, first, out, [=](uint64_t bits) { return base::to_bf16(mean + std * normal[bits]); });
}

void fill_normal(uint64_t stream, int64_t first, float mean, float std, std::span<float> out) {
  const float* normal = population().normal.data();
  fill(stream, first, out, [=](uint64_t bits) { return mean + std * normal[bits]; });
}

void fill_normal(uint64_t stream, int64_t first, std::span<base::E4m3> out) {
  const base::E4m3* codes = population().codes.data();
  fill(stream, first, out, [=](uint64_t bits) { return codes[bits]; });
}

float normal_e4m3_std() { return population().codes_std; }

}  // namespace levin::eval
