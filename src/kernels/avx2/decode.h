// Weights of every format but FP8 to bf16 values, 16 columns at a time: what `matmul` multiplies
// with. Widened to float32 and parted into even and odd columns, which is how 16 bf16 activations
// come apart with one shift and one mask.
//
// A decoder covers a few consecutive rows that share their block scales. `begin(k)` prepares the
// 64 columns from k (a multiple of 64) on; `load(r, k)` returns columns [k, k + 16) of row r;
// `load_tail(r, k, count)` the first `count` of them, followed by zeros.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "base/float_formats.h"
#include "tensor/weight_matrix.h"

namespace levin::kernels::avx2 {
namespace {

using tensor::WeightFormat;
using tensor::WeightMatrix;

struct F32x16 {
  __m256 even;  ///< columns k, k + 2, ...
  __m256 odd;   ///< columns k + 1, k + 3, ...
};
struct F32x32 {
  F32x16 first;   ///< columns [k, k + 16)
  F32x16 second;  ///< columns [k + 16, k + 32)
};

inline __m256i load_256(const void* at) noexcept {
  return _mm256_loadu_si256(static_cast<const __m256i*>(at));
}

/// 16 bf16 numbers.
inline F32x16 widen_bf16(__m256i bits) noexcept {
  const __m256i high = _mm256_set1_epi32(static_cast<int>(0xFFFF0000U));
  return {_mm256_castsi256_ps(_mm256_slli_epi32(bits, 16)),
          _mm256_castsi256_ps(_mm256_and_si256(bits, high))};
}

/// 16 F16 numbers.
inline F32x16 widen_f16(__m256i bits) noexcept {
  const __m256i even = _mm256_and_si256(bits, _mm256_set1_epi32(0xFFFF));
  const __m256i odd = _mm256_srli_epi32(bits, 16);
  const __m256i parted = _mm256_permute4x64_epi64(_mm256_packus_epi32(even, odd), 0xD8);
  return {_mm256_cvtph_ps(_mm256_castsi256_si128(parted)),
          _mm256_cvtph_ps(_mm256_extracti128_si256(parted, 1))};
}

/// To nearest even bf16, still float32. A NaN with a full payload would become a zero.
inline __m256 round_number(__m256 x) noexcept {
  const __m256i bits = _mm256_castps_si256(x);
  const __m256i last = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i sum = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7FFF)), last);
  const __m256i high = _mm256_set1_epi32(static_cast<int>(0xFFFF0000U));
  return _mm256_castsi256_ps(_mm256_and_si256(sum, high));
}
inline __m256 round_any(__m256 x) noexcept {
  const __m256 is_nan = _mm256_cmp_ps(x, x, _CMP_UNORD_Q);
  return _mm256_blendv_ps(round_number(x), _mm256_set1_ps(__builtin_nanf("")), is_nan);
}

/// Calls load(copy) with the first `size` bytes at `at` copied and zeros behind them.
template <class Load>
inline F32x16 load_padded(const std::byte* at, int64_t size, Load load) noexcept {
  alignas(32) std::byte copy[64] = {};
  __builtin_memcpy(copy, at, static_cast<size_t>(size));
  return load(copy);
}

/// Columns [k, k + 32) of row r, for decoders that gain nothing from taking them at once.
template <class Decoder>
inline F32x32 load_pair(const Decoder& decoder, int64_t r, int64_t k) noexcept {
  return {decoder.load(r, k), decoder.load(r, k + 16)};
}

class Bf16Decoder {
 public:
  static constexpr int64_t kBytes = 2;

  Bf16Decoder(const WeightMatrix& w, int64_t row) noexcept
      : rows_(w.data + row * w.cols * kBytes), row_bytes_(w.cols * kBytes) {}
  void begin(int64_t /*k*/) noexcept {}

  [[nodiscard]] F32x16 load(int64_t r, int64_t k) const noexcept {
    return widen_bf16(load_256(rows_ + r * row_bytes_ + k * kBytes));
  }
  [[nodiscard]] F32x16 load_tail(int64_t r, int64_t k, int64_t count) const noexcept {
    return load_padded(rows_ + r * row_bytes_ + k * kBytes, count * kBytes,
                       [](const std::byte* at) { return widen_bf16(load_256(at)); });
  }

 private:
  const std::byte* rows_;
  int64_t row_bytes_;
};

class F16Decoder {
 public:
  static constexpr int64_t kBytes = 2;

  F16Decoder(const WeightMatrix& w, int64_t row) noexcept
      : rows_(w.data + row * w.cols * kBytes), row_bytes_(w.cols * kBytes) {}
  void begin(int64_t /*k*/) noexcept {}

  [[nodiscard]] F32x16 load(int64_t r, int64_t k) const noexcept {
    return decode(rows_ + r * row_bytes_ + k * kBytes);
  }
  [[nodiscard]] F32x16 load_tail(int64_t r, int64_t k, int64_t count) const noexcept {
    return load_padded(rows_ + r * row_bytes_ + k * kBytes, count * kBytes, decode);
  }

 private:
  static F32x16 decode(const std::byte* at) noexcept {
    const F32x16 wide = widen_f16(load_256(at));
    return {round_any(wide.even), round_any(wide.odd)};
  }

  const std::byte* rows_;
  int64_t row_bytes_;
};

class F32Decoder {
 public:
  static constexpr int64_t kBytes = 4;

  F32Decoder(const WeightMatrix& w, int64_t row) noexcept
      : rows_(w.data + row * w.cols * kBytes), row_bytes_(w.cols * kBytes) {}
  void begin(int64_t /*k*/) noexcept {}

  [[nodiscard]] F32x16 load(int64_t r, int64_t k) const noexcept {
    return decode(rows_ + r * row_bytes_ + k * kBytes);
  }
  [[nodiscard]] F32x16 load_tail(int64_t r, int64_t k, int64_t count) const noexcept {
    return load_padded(rows_ + r * row_bytes_ + k * kBytes, count * kBytes, decode);
  }

 private:
  static F32x16 decode(const std::byte* at) noexcept {
    const __m256 lo = _mm256_castsi256_ps(load_256(at));
    const __m256 hi = _mm256_castsi256_ps(load_256(at + 32));
    return {in_order(_mm256_shuffle_ps(lo, hi, 0x88)), in_order(_mm256_shuffle_ps(lo, hi, 0xDD))};
  }
  static __m256 in_order(__m256 shuffled) noexcept {
    return round_any(_mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(shuffled), 0xD8)));
  }

  const std::byte* rows_;
  int64_t row_bytes_;
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

  [[nodiscard]] F32x16 load(int64_t r, int64_t k) const noexcept {
    return decode(rows_ + r * row_bytes_ + k, scale(r, k));
  }
  [[nodiscard]] F32x16 load_tail(int64_t r, int64_t k, int64_t count) const noexcept {
    const __m256 group_scale = scale(r, k);
    return load_padded(rows_ + r * row_bytes_ + k, count,
                       [group_scale](const std::byte* at) { return decode(at, group_scale); });
  }

 private:
  [[nodiscard]] __m256 scale(int64_t r, int64_t k) const noexcept {
    const uint16_t bits = scales_[r * groups_ + k / tensor::kInt8GroupSize].bits;
    return _mm256_cvtph_ps(_mm_set1_epi16(static_cast<int16_t>(bits)));
  }
  static F32x16 decode(const std::byte* at, __m256 scale) noexcept {
    const __m128i codes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i even = _mm_srai_epi16(_mm_slli_epi16(codes, 8), 8);
    const __m128i odd = _mm_srai_epi16(codes, 8);
    const auto decoded = [scale](__m128i words) {
      const __m256 value = _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(words));
      return round_number(_mm256_mul_ps(value, scale));
    };
    return {decoded(even), decoded(odd)};
  }

  const std::byte* rows_;
  int64_t row_bytes_;
  int64_t groups_;
  const base::F16* scales_;
};

}  // namespace
}  // namespace levin::kernels::avx2
