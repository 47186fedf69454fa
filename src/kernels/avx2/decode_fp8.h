// FP8 weights with their block scales to bf16 values; see decode.h for what a decoder is.
#pragma once

#include "kernels/avx2/decode.h"

namespace levin::kernels::avx2 {
namespace {

// A copy, because objects of one instruction set share no symbols (tools/check_isa_symbols.sh).
constexpr auto kE4m3Values = base::kE4m3Values;

/// For all scales, one value after the other.
class Fp8Decoder {
 public:
  static constexpr int64_t kBytes = 1;

  Fp8Decoder(const WeightMatrix& w, int64_t row) noexcept
      : rows_(w.data + row * w.cols),
        row_bytes_(w.cols),
        scales_(w.block_scales + (w.first_row + row) / tensor::kFp8BlockSize * w.scale_cols * 4) {}

  void begin(int64_t k) noexcept {
    float scale;
    __builtin_memcpy(&scale, scales_ + k / tensor::kFp8BlockSize * 4, sizeof scale);
    scale_ = _mm256_set1_ps(scale);
  }

  [[nodiscard]] F32x16 load(int64_t r, int64_t k) const noexcept {
    return decode(rows_ + r * row_bytes_ + k);
  }
  [[nodiscard]] F32x16 load_tail(int64_t r, int64_t k, int64_t count) const noexcept {
    return load_padded(rows_ + r * row_bytes_ + k, count,
                       [this](const std::byte* at) { return decode(at); });
  }

 private:
  [[nodiscard]] F32x16 decode(const std::byte* at) const noexcept {
    const __m128i codes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const auto scaled = [this](__m128i words) {
      const float* values = kE4m3Values.data();
      const __m256 value = _mm256_i32gather_ps(values, _mm256_cvtepu16_epi32(words), sizeof(float));
      return round_number(_mm256_mul_ps(value, scale_));
    };
    return {scaled(_mm_and_si128(codes, _mm_set1_epi16(0xFF))), scaled(_mm_srli_epi16(codes, 8))};
  }

  const std::byte* rows_;
  int64_t row_bytes_;
  const std::byte* scales_;
  __m256 scale_;
};

/// For scales whose products with codes are zero or normal numbers (has_table_scales). Then a
/// code's bf16 is a table's entry for its mantissa plus its exponent, which rounding leaves alone.
class Fp8TableDecoder {
 public:
  static constexpr int64_t kBytes = 1;

  Fp8TableDecoder(const WeightMatrix& w, int64_t row) noexcept
      : rows_(w.data + row * w.cols),
        row_bytes_(w.cols),
        scales_(w.block_scales + (w.first_row + row) / tensor::kFp8BlockSize * w.scale_cols * 4) {}

  void begin(int64_t k) noexcept {
    if (k % tensor::kFp8BlockSize != 0) {
      return;
    }
    float scale_value;
    __builtin_memcpy(&scale_value, scales_ + k / tensor::kFp8BlockSize * 4, sizeof scale_value);
    const __m256 scale = _mm256_set1_ps(scale_value);
    const __m256 mantissas = _mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7);
    const auto upper_half = [scale](__m256 values) {
      const __m256 rounded = round_number(_mm256_mul_ps(values, scale));
      return _mm256_srli_epi32(_mm256_castps_si256(rounded), 16);
    };
    // A code with exponent e > 0 is (8 + mantissa) 2^(e - 10), one with e = 0 mantissa 2^-9.
    const __m256i normal = upper_half(
        _mm256_mul_ps(_mm256_add_ps(mantissas, _mm256_set1_ps(8.0F)), _mm256_set1_ps(0x1p-10F)));
    const __m256i subnormal = upper_half(_mm256_mul_ps(mantissas, _mm256_set1_ps(0x1p-9F)));
    const __m256i numbers = in_order(_mm256_packus_epi32(normal, subnormal));
    const __m256i low = _mm256_and_si256(numbers, _mm256_set1_epi16(0xFF));
    const __m256i bytes = in_order(_mm256_packus_epi16(low, _mm256_srli_epi16(numbers, 8)));
    low_ = _mm256_permute2x128_si256(bytes, bytes, 0x00);
    high_ = _mm256_permute2x128_si256(bytes, bytes, 0x11);
  }

  [[nodiscard]] F32x32 load_pair(int64_t r, int64_t k) const noexcept {
    return decode(rows_ + r * row_bytes_ + k);
  }
  [[nodiscard]] F32x16 load_tail(int64_t r, int64_t k, int64_t count) const noexcept {
    return load_padded(rows_ + r * row_bytes_ + k, count,
                       [this](const std::byte* at) { return decode(at).first; });
  }

 private:
  /// What packing two registers left as lanes 0 and 2, 1 and 3; and the other way round.
  static __m256i in_order(__m256i packed) noexcept {
    return _mm256_permute4x64_epi64(packed, 0xD8);
  }

  [[nodiscard]] F32x32 decode(const std::byte* at) const noexcept {
    const auto bytes = [](int value) { return _mm256_set1_epi8(static_cast<char>(value)); };
    const __m256i codes = in_order(load_256(at));  // because unpacking works within 128-bit lanes
    const __m256i magnitude = _mm256_and_si256(codes, bytes(0x7F));
    const __m256i is_subnormal = _mm256_cmpgt_epi8(bytes(8), magnitude);
    const __m256i idx = _mm256_or_si256(_mm256_and_si256(codes, bytes(7)),
                                        _mm256_and_si256(is_subnormal, bytes(8)));
    // With its exponent, 15, a NaN's 0x787F becomes 0x7FFF.
    const __m256i is_nan = _mm256_cmpeq_epi8(magnitude, bytes(0x7F));
    const __m256i low = _mm256_blendv_epi8(_mm256_shuffle_epi8(low_, idx), bytes(0x7F), is_nan);
    const __m256i high = _mm256_blendv_epi8(_mm256_shuffle_epi8(high_, idx), bytes(0x78), is_nan);
    const __m256i signed_high = _mm256_or_si256(high, _mm256_and_si256(codes, bytes(0x80)));
    const __m256i exponent = _mm256_and_si256(codes, bytes(0x78));
    const __m256i zero = _mm256_setzero_si256();
    const auto add_exponent = [](__m256i numbers, __m256i exponents) {
      return widen_bf16(_mm256_add_epi16(numbers, _mm256_slli_epi16(exponents, 4)));
    };
    return {
        add_exponent(_mm256_unpacklo_epi8(low, signed_high), _mm256_unpacklo_epi8(exponent, zero)),
        add_exponent(_mm256_unpackhi_epi8(low, signed_high), _mm256_unpackhi_epi8(exponent, zero))};
  }

  const std::byte* rows_;
  int64_t row_bytes_;
  const std::byte* scales_;
  __m256i low_;   ///< byte 0 of the 8 normal, then of the 8 subnormal entries, twice
  __m256i high_;  ///< byte 1 likewise
};

inline F32x32 load_pair(const Fp8TableDecoder& decoder, int64_t r, int64_t k) noexcept {
  return decoder.load_pair(r, k);
}

/// Whether Fp8TableDecoder is exact for the matrix.
inline bool has_table_scales(const WeightMatrix& w) noexcept {
  const int64_t begin = w.first_row / tensor::kFp8BlockSize;
  const int64_t end = (w.first_row + w.rows + tensor::kFp8BlockSize - 1) / tensor::kFp8BlockSize;
  for (int64_t i = begin * w.scale_cols; i < end * w.scale_cols; ++i) {
    float scale;
    __builtin_memcpy(&scale, w.block_scales + i * 4, sizeof scale);
    if (!(scale >= 0x1p-100F && scale <= 0x1p100F)) {
      return false;
    }
  }
  return true;
}

}  // namespace
}  // namespace levin::kernels::avx2
