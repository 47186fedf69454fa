#include "runtime/random_rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "base/float_formats.h"
#include "tensor/buffer.h"

namespace levin::runtime {
namespace {

using kernels::kPageTokens;
using kernels::KvLayerView;
using kernels::KvLayout;

/// A cache of a few pages, every byte 0x7F (a NaN in E4M3) before it is filled.
class FilledCache {
 public:
  FilledCache(const KvLayout& layout, int64_t pages)
      : layout_(layout), memory_(pages * layout.page_bytes()) {
    std::memset(memory_.data(), 0x7F, static_cast<size_t>(memory_.size_bytes()));
    for (int64_t page = 0; page < pages; ++page) {
      addresses_.push_back(memory_.data() + page * layout.page_bytes());
    }
  }

  void fill(int64_t first_pos, int64_t tokens, int threads, bool has_power_of_two_scales = false) {
    base::ThreadPool pool(threads);
    fill_random_rows({.pages = addresses_.data(),
                      .layout = &layout_,
                      .first_pos = first_pos,
                      .tokens = tokens,
                      .has_power_of_two_scales = has_power_of_two_scales,
                      .seed = 3},
                     pool);
  }

  [[nodiscard]] KvLayerView layer(int64_t layer_idx) const {
    return {addresses_.data(), layer_idx * layout_.layer_bytes(), &layout_};
  }
  [[nodiscard]] std::vector<std::byte> bytes() const {
    return {memory_.data(), memory_.data() + memory_.size_bytes()};
  }

 private:
  KvLayout layout_;
  tensor::Buffer memory_;
  std::vector<std::byte*> addresses_;
};

constexpr KvLayout kFast{.num_layers = 2, .kv_row_dim = 80, .index_head_dim = 64};

template <typename T>
T read(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

void expect_standard(const std::vector<float>& values) {
  double sum = 0.0;
  double squares = 0.0;
  for (const float value : values) {
    sum += value;
    squares += double{value} * value;
  }
  const auto count = static_cast<double>(values.size());
  EXPECT_NEAR(sum / count, 0.0, 0.03);
  EXPECT_NEAR(squares / count, 1.0, 0.05);
}

TEST(RandomRows, LatentsHaveMeanZeroAndVarianceOne) {
  FilledCache cache(kFast, 3);
  cache.fill(0, 3 * kPageTokens, 1);
  std::vector<float> values;
  for (int64_t pos = 0; pos < 3 * kPageTokens; ++pos) {
    for (int64_t i = 0; i < kFast.kv_row_dim; ++i) {
      values.push_back(base::to_f32(read<base::Bf16>(cache.layer(1).latent_row(pos) + i * 2)));
    }
  }
  expect_standard(values);
}

TEST(RandomRows, ReferenceNumericsHaveFloat32Latents) {
  KvLayout layout = kFast;
  layout.latent_bytes = 4;
  FilledCache cache(layout, 3);
  cache.fill(0, 3 * kPageTokens, 1);
  std::vector<float> values;
  for (int64_t pos = 0; pos < 3 * kPageTokens; ++pos) {
    for (int64_t i = 0; i < layout.kv_row_dim; ++i) {
      values.push_back(read<float>(cache.layer(0).latent_row(pos) + i * 4));
    }
  }
  expect_standard(values);
}

TEST(RandomRows, IndexKeysUseTheWholeRangeOfTheirCodes) {
  for (const bool has_power_of_two_scales : {false, true}) {
    FilledCache cache(kFast, 2);
    cache.fill(0, 2 * kPageTokens, 1, has_power_of_two_scales);
    const KvLayerView kv = cache.layer(1);
    for (int64_t pos = 0; pos < 2 * kPageTokens; ++pos) {
      const int64_t slot = pos % kPageTokens;
      float amax = 0.0F;
      for (int64_t i = 0; i < kFast.index_head_dim; ++i) {
        const auto code = read<base::E4m3>(kv.index_keys(pos / kPageTokens) +
                                           (i / 2 * kPageTokens + slot) * 2 + i % 2);
        ASSERT_FALSE(std::isnan(base::to_f32(code)));
        amax = std::max(amax, std::abs(base::to_f32(code)));
      }
      EXPECT_GT(amax, base::kE4m3Max / 2.1F) << "the scale fits the row";
      const float scale = kv.key_scales(pos / kPageTokens)[slot];
      EXPECT_GT(scale, 1e-3F);
      EXPECT_LT(scale, 3e-2F);
      EXPECT_TRUE(!has_power_of_two_scales || base::is_power_of_two(scale));
    }
  }
}

TEST(RandomRows, Bf16IndexKeysHaveScaleOne) {
  KvLayout layout = kFast;
  layout.index_key_bytes = 2;
  FilledCache cache(layout, 1);
  cache.fill(0, kPageTokens, 1);
  const KvLayerView kv = cache.layer(0);
  double squares = 0.0;
  for (int64_t i = 0; i < layout.index_head_dim * kPageTokens; ++i) {
    const float value = base::to_f32(read<base::Bf16>(kv.index_keys(0) + i * 2));
    squares += double{value} * value;
  }
  EXPECT_NEAR(squares / static_cast<double>(layout.index_head_dim * kPageTokens), 1.08, 0.2);
  EXPECT_EQ(kv.key_scales(0)[5], 1.0F);
}

TEST(RandomRows, DenseModelsHaveLatentsOnly) {
  KvLayout layout = kFast;
  layout.index_head_dim = 0;
  FilledCache cache(layout, 1);
  cache.fill(0, kPageTokens, 1);
  EXPECT_TRUE(std::isfinite(base::to_f32(read<base::Bf16>(cache.layer(1).latent_row(63)))));
}

TEST(RandomRows, ContentDependsOnThePositionAlone) {
  FilledCache whole(kFast, 3);
  whole.fill(0, 3 * kPageTokens, 1);
  FilledCache pieces(kFast, 3);
  pieces.fill(50, 3 * kPageTokens - 50, 2);
  pieces.fill(0, 50, 2);
  EXPECT_EQ(whole.bytes(), pieces.bytes());
}

TEST(RandomRows, OtherPositionsStayUntouched) {
  FilledCache cache(kFast, 2);
  cache.fill(70, 10, 1);
  for (const int64_t pos : {0, 69, 80, 127}) {
    EXPECT_EQ(read<uint8_t>(cache.layer(1).latent_row(pos)), 0x7F);
  }
  const std::vector<std::byte> before = cache.bytes();
  cache.fill(65, 0, 1);
  EXPECT_EQ(cache.bytes(), before);
}

}  // namespace
}  // namespace levin::runtime
