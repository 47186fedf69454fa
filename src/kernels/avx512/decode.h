// Weights of every format to bf16, 64 at a time, in order: what `matmul` multiplies with.
//
// A decoder covers a few consecutive rows that share their block scales. `begin(k)` prepares the
// 128 columns from k (a multiple of 128) on; `load(r, k)` returns columns [k, k + 64) of row r;
// `load_tail(r, k, count)` the first `count` of them, followed by zeros. A weight takes `kBytes`
// bytes.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "base/float_formats.h"
#include "tensor/weight_matrix.h"

namespace levin::kernels::avx512 {
namespace {

using tensor::WeightFormat;
using tensor::WeightMatrix;

/// 64 weights as bf16: columns k .. k + 31 and k + 32 .. k + 63.
struct Bf16x64 {
  __m512bh lo;
  __m512bh hi;
};

inline __m512bh as_bf16(__m512i bits) noexcept { return reinterpret_cast<__m512bh>(bits); }

/// Lowest `count` bits set; count in [0, 64].
inline uint64_t low_bits(int64_t count) noexcept {
  return count >= 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
}
inline uint64_t low_bits_after(int64_t count, int64_t skipped) noexcept {
  return count <= skipped ? 0 : low_bits(count - skipped);
}

/// 32 float32 to bf16, the first 16 from `lo`. Round to nearest even.
inline __m512bh round_pair(__m512 lo, __m512 hi) noexcept { return _mm512_cvtne2ps_pbh(hi, lo); }

class Bf16Decoder {
 public:
  static constexpr int64_t kBytes = 2;

  Bf16Decoder(const WeightMatrix& w, int64_t row) noexcept
      : rows_(w.data + row * w.cols * 2), row_bytes_(w.cols * 2) {}
  void begin(int64_t /*k*/) noexcept {}

  [[nodiscard]] Bf16x64 load(int64_t r, int64_t k) const noexcept {
    const std::byte* at = rows_ + r * row_bytes_ + k * 2;
    return {as_bf16(_mm512_loadu_si512(at)), as_bf16(_mm512_loadu_si512(at + 64))};
  }
  [[nodiscard]] Bf16x64 load_tail(int64_t r, int64_t k, int64_t count) const noexcept {
    const std::byte* at = rows_ + r * row_bytes_ + k * 2;
    const auto lo = static_cast<__mmask32>(low_bits(count));
    const auto hi = static_cast<__mmask32>(low_bits_after(count, 32));
    return {as_bf16(_mm512_maskz_loadu_epi16(lo, at)),
            as_bf16(_mm512_maskz_loadu_epi16(hi, at + 64))};
  }

 private:
  const std::byte* rows_;
  int64_t row_bytes_;
};

class F16Decoder {
 public:
  static constexpr int64_t kBytes = 2;

  F16Decoder(const WeightMatrix& w, int64_t row) noexcept : bits_(w, row) {}
  void begin(int64_t /*k*/) noexcept {}

  [[nodiscard]] Bf16x64 load(int64_t r, int64_t k) const noexcept {
    return convert(bits_.load(r, k));
  }
  [[nodiscard]] Bf16x64 load_tail(int64_t r, int64_t k, int64_t count) const noexcept {
    return convert(bits_.load_tail(r, k, count));
  }

 private:
  static __m512bh convert(__m512bh halves) noexcept {
    const auto bits = reinterpret_cast<__m512i>(halves);
    return round_pair(_mm512_cvtph_ps(_mm512_castsi512_si256(bits)),
                      _mm512_cvtph_ps(_mm512_extracti64x4_epi64(bits, 1)));
  }
  static Bf16x64 convert(Bf16x64 halves) noexcept {
    return {convert(halves.lo), convert(halves.hi)};
  }

  Bf16Decoder bits_;  // F16 lies in memory as BF16 does
};

class F32Decoder {
 public:
  static constexpr int64_t kBytes = 4;

  F32Decoder(const WeightMatrix& w, int64_t row) noexcept
      : rows_(w.data + row * w.cols * 4), row_bytes_(w.cols * 4) {}
  void begin(int64_t /*k*/) noexcept {}

  [[nodiscard]] Bf16x64 load(int64_t r, int64_t k) const noexcept { return load_tail(r, k, 64); }
  [[nodiscard]] Bf16x64 load_tail(int64_t r, int64_t k, int64_t count) const noexcept {
    const std::byte* at = rows_ + r * row_bytes_ + k * 4;
    __m512 values[4];
#pragma GCC unroll 4
    for (int part = 0; part < 4; ++part) {
      const auto mask = static_cast<__mmask16>(low_bits_after(count, 16 * part));
      values[part] = _mm512_maskz_loadu_ps(mask, at + 64 * part);
    }
    return {round_pair(values[0], values[1]), round_pair(values[2], values[3])};
  }

 private:
  const std::byte* rows_;
  int64_t row_bytes_;
};

/// The 128 magnitudes of E4M3, NaN last.
struct E4m3Magnitudes {
  alignas(64) float values[128];
};
constexpr E4m3Magnitudes make_e4m3_magnitudes() noexcept {
  E4m3Magnitudes table{};
  for (int code = 0; code < 128; ++code) {
    table.values[code] = base::kE4m3Values[static_cast<size_t>(code)];
  }
  return table;
}
constexpr E4m3Magnitudes kE4m3Magnitudes = make_e4m3_magnitudes();

/// All weights of one 128x128 block take one of 2 x 128 values. begin() computes the magnitudes of
/// that block once (code * scale in float32, rounded to bf16) and keeps their low and high bytes in
/// four registers, where a byte permutation looks them up. So no code costs a multiplication, NaN
/// and subnormal codes need no special case, and the rounding is the definition's own.
class Fp8Decoder {
 public:
  static constexpr int64_t kBytes = 1;

  Fp8Decoder(const WeightMatrix& w, int64_t row) noexcept
      : rows_(w.data + row * w.cols),
        row_bytes_(w.cols),
        scales_(w.block_scales + (w.first_row + row) / tensor::kFp8BlockSize * w.scale_cols * 4) {}

  void begin(int64_t k) noexcept {
    float scale_value;
    __builtin_memcpy(&scale_value, scales_ + k / tensor::kFp8BlockSize * 4, sizeof scale_value);
    const __m512 scale = _mm512_set1_ps(scale_value);
    __m512i values[4];
#pragma GCC unroll 4
    for (int part = 0; part < 4; ++part) {
      const float* magnitudes = kE4m3Magnitudes.values + 32 * part;
      values[part] = reinterpret_cast<__m512i>(
          round_pair(_mm512_mul_ps(_mm512_load_ps(magnitudes), scale),
                     _mm512_mul_ps(_mm512_load_ps(magnitudes + 16), scale)));
    }
    const __m512i even = byte_indices(0);
    const __m512i odd = byte_indices(1);
    low_[0] = _mm512_permutex2var_epi8(values[0], even, values[1]);
    low_[1] = _mm512_permutex2var_epi8(values[2], even, values[3]);
    high_[0] = _mm512_permutex2var_epi8(values[0], odd, values[1]);
    high_[1] = _mm512_permutex2var_epi8(values[2], odd, values[3]);
  }

  [[nodiscard]] Bf16x64 load(int64_t r, int64_t k) const noexcept {
    return decode(_mm512_loadu_si512(rows_ + r * row_bytes_ + k));
  }
  [[nodiscard]] Bf16x64 load_tail(int64_t r, int64_t k, int64_t count) const noexcept {
    return decode(_mm512_maskz_loadu_epi8(low_bits(count), rows_ + r * row_bytes_ + k));
  }

 private:
  /// Bytes first, first + 2, ... of two registers.
  static __m512i byte_indices(int first) noexcept {
    const __m512i dwords =
        _mm512_setr_epi32(0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120);
    const __m512i spread = _mm512_mullo_epi32(dwords, _mm512_set1_epi32(0x01010101));
    return _mm512_add_epi8(spread, _mm512_set1_epi32(0x06040200 + first * 0x01010101));
  }

  [[nodiscard]] Bf16x64 decode(__m512i codes) const noexcept {
    // Unpacking works within 128-bit lanes: bring codes 8 l .. 8 l + 7 to the front of lane l.
    const __m512i order = _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7);
    const __m512i idx = _mm512_permutexvar_epi64(order, codes);
    const __m512i low = _mm512_permutex2var_epi8(low_[0], idx, low_[1]);
    const __m512i magnitude = _mm512_permutex2var_epi8(high_[0], idx, high_[1]);
    const __m512i sign_bit = _mm512_set1_epi8(static_cast<char>(0x80));
    const __m512i high = _mm512_ternarylogic_epi32(magnitude, idx, sign_bit, 0xF8);  // a | (b & c)
    return {as_bf16(_mm512_unpacklo_epi8(low, high)), as_bf16(_mm512_unpackhi_epi8(low, high))};
  }

  const std::byte* rows_;
  int64_t row_bytes_;
  const std::byte* scales_;
  __m512i low_[2];
  __m512i high_[2];
};

class Int8Decoder {
 public:
  static constexpr int64_t kBytes = 1;

  Int8Decoder(const WeightMatrix& w, int64_t row) noexcept
      : rows_(w.data + row * w.cols),
        row_bytes_(w.cols),
        groups_((w.cols + tensor::kInt8GroupSize - 1) / tensor::kInt8GroupSize),
        scales_(w.group_scales + row * groups_) {}
  void begin(int64_t /*k*/) noexcept {}

  [[nodiscard]] Bf16x64 load(int64_t r, int64_t k) const noexcept {
    return decode(_mm512_loadu_si512(rows_ + r * row_bytes_ + k), r, k);
  }
  [[nodiscard]] Bf16x64 load_tail(int64_t r, int64_t k, int64_t count) const noexcept {
    return decode(_mm512_maskz_loadu_epi8(low_bits(count), rows_ + r * row_bytes_ + k), r, k);
  }

 private:
  [[nodiscard]] Bf16x64 decode(__m512i codes, int64_t r, int64_t k) const noexcept {
    // The byte c + 128, put into the mantissa of 2^15, is the float32 32896 + c. One fused
    // multiply-add takes 32896 * scale off again: that product is exact (9 and 11 bits), so the
    // result is c * scale, exact too. Cheaper than widening, converting and multiplying.
    const uint16_t bits = scales_[r * groups_ + k / tensor::kInt8GroupSize].bits;
    const __m512 scale = _mm512_cvtph_ps(_mm256_set1_epi16(static_cast<int16_t>(bits)));
    const __m512 offset = _mm512_mul_ps(scale, _mm512_set1_ps(32896.0F));
    const __m512i biased = _mm512_xor_si512(codes, _mm512_set1_epi8(static_cast<char>(0x80)));
    const auto part = [=](int first) {
      const __m512i idx =
          _mm512_add_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                           _mm512_set1_epi32(first));
      const __m512i floats = _mm512_mask_permutexvar_epi8(
          _mm512_set1_epi32(0x47000000), 0x2222222222222222ULL, _mm512_slli_epi32(idx, 8), biased);
      return _mm512_fmsub_ps(_mm512_castsi512_ps(floats), scale, offset);
    };
    return {round_pair(part(0), part(16)), round_pair(part(32), part(48))};
  }

  const std::byte* rows_;
  int64_t row_bytes_;
  int64_t groups_;
  const base::F16* scales_;
};

}  // namespace
}  // namespace levin::kernels::avx512
