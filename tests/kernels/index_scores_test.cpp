// index_scores_page and quantize_index_row of every table.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/random.h"
#include "kernels/kv_layout.h"
#include "kernels/tables.h"
#include "tensor/buffer.h"

namespace levin::kernels {
namespace {

/// A page of index keys with queries and weights; E4M3 codes are random, without NaN.
struct PageCase {
  PageCase(int64_t query_count, int64_t head_count, int64_t head_dim, IndexKeyFormat key_format)
      : queries(query_count), heads(head_count), dim(head_dim), format(key_format) {
    const auto random = [this] { return base::random_bits(17, counter++); };
    const auto random_code = [&] {
      uint8_t code = 0x7F;
      while ((code & 0x7F) == 0x7F) {
        code = static_cast<uint8_t>(random());
      }
      return code;
    };
    for (int64_t i = 0; i < queries * heads * dim; ++i) {
      q.push_back(base::to_bf16(to_f32(base::E4m3{random_code()})));
    }
    for (int64_t i = 0; i < queries * heads; ++i) {
      w.push_back(static_cast<float>(base::random_normal(18, counter++)));
    }
    for (int64_t i = 0; i < dim * kPageTokens; ++i) {
      codes.push_back(random_code());
      numbers.push_back(base::to_bf16(static_cast<float>(base::random_normal(19, counter++))));
    }
    for (int64_t i = 0; i < kPageTokens; ++i) {
      scales.push_back(std::exp(static_cast<float>(base::random_normal(20, counter++))));
    }
  }

  [[nodiscard]] const std::byte* keys() const {
    return format == IndexKeyFormat::kE4m3 ? reinterpret_cast<const std::byte*>(codes.data())
                                           : reinterpret_cast<const std::byte*>(numbers.data());
  }
  [[nodiscard]] float key(int64_t key_idx, int64_t i) const {
    const auto at = static_cast<size_t>((i / 2 * kPageTokens + key_idx) * 2 + i % 2);
    return format == IndexKeyFormat::kE4m3 ? to_f32(base::E4m3{codes[at]}) : to_f32(numbers[at]);
  }
  [[nodiscard]] std::vector<float> run(const OpTable& table, int64_t first = 0,
                                       int64_t count = -1) const {
    count = count < 0 ? queries : count;
    tensor::Buffer scratch(kThreadScratchBytes);
    std::vector<float> scores(static_cast<size_t>(count * 70), -9.0F);
    table.index_scores_page(q.data() + first * heads * dim, w.data() + first * heads, count, heads,
                            dim, keys(), format, scales.data(), scores.data(), 70, scratch.data());
    return scores;
  }

  int64_t queries;
  int64_t heads;
  int64_t dim;
  IndexKeyFormat format;
  uint64_t counter = 0;
  std::vector<Bf16> q;
  std::vector<float> w;
  std::vector<uint8_t> codes;
  std::vector<Bf16> numbers;
  std::vector<float> scales;
};

class IndexScoresTest : public testing::TableTest {};

TEST_P(IndexScoresTest, MatchesTheEquationInDouble) {
  for (const IndexKeyFormat format : {IndexKeyFormat::kE4m3, IndexKeyFormat::kBf16}) {
    for (const int64_t dim : {2, 16, 34, 64, 128}) {
      for (const int64_t heads : {1, 3, 4, 5, 8, 13, 14, 64}) {
        const PageCase page(3, heads, dim, format);
        const std::vector<float> scores = page.run(*table_);
        for (int64_t query = 0; query < 3; ++query) {
          for (int64_t key = 0; key < kPageTokens; ++key) {
            double total = 0.0;
            double magnitude = 0.0;
            for (int64_t head = 0; head < heads; ++head) {
              double dot = 0.0;
              double dot_magnitude = 0.0;
              for (int64_t i = 0; i < dim; ++i) {
                const double term =
                    static_cast<double>(to_f32(page.q[(query * heads + head) * dim + i])) *
                    page.key(key, i);
                dot += term;
                dot_magnitude += std::fabs(term);
              }
              total += page.w[query * heads + head] * std::max(0.0, dot);
              magnitude += std::fabs(page.w[query * heads + head]) * dot_magnitude;
            }
            ASSERT_NEAR(scores[query * 70 + key], total * page.scales[key],
                        4e-6 * magnitude * page.scales[key] + 1e-12)
                << heads << " heads, dim " << dim << ", key " << key;
          }
          ASSERT_EQ(scores[query * 70 + 64], -9.0F) << "wrote behind the row";
        }
      }
    }
  }
}

TEST_P(IndexScoresTest, GivesAQueryTheSameBitsInAnyCompany) {
  const PageCase page(16, 64, 128, IndexKeyFormat::kE4m3);
  const std::vector<float> all = page.run(*table_);
  for (const int64_t query : {0, 7, 15}) {
    const std::vector<float> alone = page.run(*table_, query, 1);
    EXPECT_EQ(std::memcmp(alone.data(), &all[query * 70], 64 * sizeof(float)), 0);
  }
}

TEST_P(IndexScoresTest, MultipliesEveryPairOfE4m3CodesExactly) {
  // One head, two features of which the second is 0: the score is the product of two codes. bf16
  // dot instructions flush denormals, so none of the codes may become one.
  tensor::Buffer scratch(kThreadScratchBytes);
  const std::vector<float> scales(kPageTokens, 1.0F);
  const float weight = 1.0F;
  for (int code_a = 0; code_a < 256; ++code_a) {
    const float a = base::kE4m3Values[static_cast<size_t>(code_a)];
    for (int first = 0; first < 256; first += kPageTokens) {
      std::vector<uint8_t> codes;
      for (int key = 0; key < kPageTokens; ++key) {
        codes.push_back(static_cast<uint8_t>(first + key));
        codes.push_back(0);
      }
      const Bf16 q[] = {base::to_bf16(a), Bf16{}};
      float scores[kPageTokens];
      table_->index_scores_page(q, &weight, 1, 1, 2, reinterpret_cast<std::byte*>(codes.data()),
                                IndexKeyFormat::kE4m3, scales.data(), scores, kPageTokens,
                                scratch.data());
      for (int key = 0; key < kPageTokens; ++key) {
        const float product = a * base::kE4m3Values[codes[static_cast<size_t>(key) * 2]];
        if (std::isnan(product)) {
          ASSERT_TRUE(std::isnan(scores[key])) << code_a << " x " << first + key;
        } else {
          ASSERT_EQ(scores[key], std::max(0.0F, product)) << code_a << " x " << first + key;
        }
      }
    }
  }
}

TEST_P(IndexScoresTest, IsZeroWhereAllRelusAreClosed) {
  PageCase page(1, 6, 32, IndexKeyFormat::kE4m3);
  for (Bf16& x : page.q) {
    x = base::to_bf16(1.0F);
  }
  for (uint8_t& code : page.codes) {
    code |= 0x80;  // every key is negative or zero
  }
  const std::vector<float> scores = page.run(*table_);
  for (int64_t key = 0; key < kPageTokens; ++key) {
    EXPECT_EQ(scores[key], 0.0F);
  }
}

TEST_P(IndexScoresTest, QuantizesRowsBitForBitLikeTheFloatFormats) {
  for (const int64_t dim : {2, 4, 8, 16, 32, 64, 96, 100, 128, 256, 512}) {
    const bool can_transform = (dim & (dim - 1)) == 0;
    for (int variant = 0; variant < (can_transform ? 4 : 2); ++variant) {
      const bool power_of_two_scale = variant % 2 == 1;
      const bool hadamard = variant >= 2;
      for (const float magnitude : {1.0F, 1e-5F, 0.0F, 300.0F}) {
        std::vector<float> x;
        for (int64_t i = 0; i < dim; ++i) {
          x.push_back(magnitude *
                      static_cast<float>(base::random_normal(21, static_cast<uint64_t>(i))));
        }
        std::vector<uint8_t> codes(static_cast<size_t>(dim + 1), 0x55);
        std::vector<uint8_t> expected(static_cast<size_t>(dim + 1), 0x55);
        const float scale =
            table_->quantize_index_row(x.data(), dim, hadamard, power_of_two_scale, codes.data());
        const float expected_scale = ref::table().quantize_index_row(
            x.data(), dim, hadamard, power_of_two_scale, expected.data());
        ASSERT_EQ(scale, expected_scale) << "dim " << dim;
        ASSERT_EQ(codes, expected) << "dim " << dim;
        if (!hadamard) {
          float amax = 0.0F;
          for (const float value : x) {
            amax = std::max(amax, std::fabs(value));
          }
          ASSERT_EQ(scale, base::act_quant_scale(amax, power_of_two_scale));
          for (int64_t i = 0; i < dim; ++i) {
            ASSERT_EQ(codes[i], base::to_e4m3(x[i] / scale).bits);
          }
        }
      }
    }
  }
}

TEST_P(IndexScoresTest, TransformsByTheSylvesterMatrix) {
  // A row with one number gives a row of H: +-1 / sqrt(dim), so all codes are +-448 / scale's
  // share.
  for (const int64_t dim : {8, 64, 128}) {
    for (const int64_t at : {int64_t{0}, int64_t{5}, dim - 1}) {
      std::vector<float> x(static_cast<size_t>(dim), 0.0F);
      x[at] = 1.0F;
      std::vector<uint8_t> codes(static_cast<size_t>(dim));
      const float scale = table_->quantize_index_row(x.data(), dim, true, false, codes.data());
      for (int64_t i = 0; i < dim; ++i) {
        const bool is_negative = __builtin_popcountll(static_cast<uint64_t>(i & at)) % 2 == 1;
        const double expected = (is_negative ? -1.0 : 1.0) / std::sqrt(static_cast<double>(dim));
        ASSERT_NEAR(to_f32(base::E4m3{codes[i]}) * scale, expected, 1e-6) << i << ", " << at;
      }
    }
  }
}

TEST_P(IndexScoresTest, QuantizesSpecialNumbersLikeRef) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> x(32, 0.001F);
  x[3] = nan;
  x[7] = -0.0F;
  x[9] = 448.0F;
  x[11] = -448.0F;
  std::vector<uint8_t> codes(32);
  std::vector<uint8_t> expected(32);
  const float scale = table_->quantize_index_row(x.data(), 32, false, false, codes.data());
  EXPECT_EQ(scale, ref::table().quantize_index_row(x.data(), 32, false, false, expected.data()));
  EXPECT_EQ(codes, expected);
  EXPECT_EQ(codes[3], 0x7F);
}

LEVIN_FOR_EACH_TABLE(IndexScoresTest);

}  // namespace
}  // namespace levin::kernels
