// matmul for m <= 5 (decode of a few sequences): weights go from memory through registers into the
// sums, nothing is stored in between. Bound by the memory's bandwidth.
#pragma once

#include <immintrin.h>

#include "kernels/avx512/decode.h"
#include "kernels/avx512/matmul.h"
#include "kernels/avx512/reduce.h"

namespace levin::kernels::avx512 {
namespace {

inline constexpr int64_t kFewM = 5;
// How far ahead weights of 8 and 16 bits are prefetched, in each row, and only to L2: the few
// misses that L1 can have under way would bound the rate. `levin bench` on Zen 4, one thread,
// memory at 31 GB/s: fp8 15 GB/s with a hint to L1, 24 with one to L2; int8 9 and 16; bf16 15
// without a hint, 22 with one to L2. With a hint to L1 Zen 5 had fp8 36, int8 40; to L2 it is not
// measured.
inline constexpr int64_t kPrefetchBytes = 2048;

// Columns that a row contributes before the next row has its turn: two lines of 8-bit weights,
// which keeps the hardware's prefetcher on the row's track.
inline constexpr int64_t kStepK = 128;

/// Sums of kRows weight rows with kM activation rows, lanes not yet added.
template <int kRows, int kM>
struct FewSums {
  __m512 lanes[kRows * kM];

  void clear() noexcept {
#pragma GCC unroll 20
    for (int i = 0; i < kRows * kM; ++i) {
      lanes[i] = _mm512_setzero_ps();
    }
  }

  /// Adds row r's products with 64 columns of every activation row.
  void add(int r, const Bf16x64& w, const Bf16x64* a) noexcept {
#pragma GCC unroll 5
    for (int i = 0; i < kM; ++i) {
      __m512& sum = lanes[r * kM + i];
      sum = _mm512_dpbf16_ps(sum, w.lo, a[i].lo);
      sum = _mm512_dpbf16_ps(sum, w.hi, a[i].hi);
    }
  }

  /// The same with the activations in memory: kM rows of 64 columns.
  void add(int r, const Bf16x64& w, const Bf16* a, int64_t a_stride) noexcept {
#pragma GCC unroll 5
    for (int i = 0; i < kM; ++i) {
      const Bf16* at = a + i * a_stride;
      __m512& sum = lanes[r * kM + i];
      sum = _mm512_dpbf16_ps(sum, w.lo, as_bf16(_mm512_loadu_si512(at)));
      sum = _mm512_dpbf16_ps(sum, w.hi, as_bf16(_mm512_loadu_si512(at + 32)));
    }
  }

  /// Adds the lanes and stores, or adds to, c[i, row + r].
  void finish(const Operands& x, int64_t row, bool is_first_block) const noexcept {
    constexpr int kSums = kRows * kM;
    alignas(64) float sums[32];
    _mm512_store_ps(sums, lane_sums<(kSums < 16 ? kSums : 16)>(lanes));
    if constexpr (kSums > 16) {
      _mm512_store_ps(sums + 16, lane_sums<kSums - 16>(lanes + 16));
    }
    for (int i = 0; i < kM; ++i) {
      float* c = x.c + i * x.c_stride + row;
      for (int r = 0; r < kRows; ++r) {
        c[r] = is_first_block ? sums[r * kM + i] : c[r] + sums[r * kM + i];
      }
    }
  }
};

/// Asks for what few_rows reads kPrefetchBytes later: further on in the same kRows rows, at their
/// end the beginning of the next kRows. `at` is column k of the first row.
template <int kRows, int64_t bytes>
inline void prefetch_rows(const std::byte* at, int64_t row_bytes, int64_t rest_bytes) noexcept {
  const std::byte* next =
      at + kPrefetchBytes + (rest_bytes > kPrefetchBytes ? 0 : (kRows - 1) * row_bytes);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int64_t line = 0; line < bytes; line += 64) {
      _mm_prefetch(reinterpret_cast<const char*>(next + r * row_bytes + line), _MM_HINT_T1);
    }
  }
}

/// Columns [k, k + 64) of every activation row; `count` of them, followed by zeros.
template <int kM>
inline void load_activations(const Operands& x, int64_t k, int64_t count, Bf16x64* a) noexcept {
  const auto lo = static_cast<__mmask32>(low_bits(count < 32 ? count : 32));
  const auto hi = static_cast<__mmask32>(low_bits_after(count, 32));
#pragma GCC unroll 5
  for (int i = 0; i < kM; ++i) {
    const Bf16* at = x.a + i * x.a_stride + k;
    a[i] = {as_bf16(_mm512_maskz_loadu_epi16(lo, at)),
            as_bf16(_mm512_maskz_loadu_epi16(hi, at + 32))};
  }
}

/// c[:, row .. row + kRows) for kM activation rows. The rows share their FP8 block scales.
template <class Decoder, int kRows, int kM>
void few_rows(const WeightMatrix& w, const Operands& x, int64_t row) noexcept {
  Decoder decoder(w, row);
  for (int64_t block = 0; block < w.cols; block += kBlockK) {
    const int64_t end = block + kBlockK < w.cols ? block + kBlockK : w.cols;
    FewSums<kRows, kM> sums;
    sums.clear();
    int64_t k = block;
    for (; k + kStepK <= end; k += kStepK) {
      decoder.begin(k);
      if constexpr (kRows > 1 && Decoder::kBytes <= 2) {
        prefetch_rows<kRows, kStepK * Decoder::kBytes>(
            w.data + (row * w.cols + k) * Decoder::kBytes, w.cols * Decoder::kBytes,
            (w.cols - k) * Decoder::kBytes);
      }
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
        for (int64_t part = k; part < k + kStepK; part += 64) {
          sums.add(r, decoder.load(r, part), x.a + part, x.a_stride);
        }
      }
    }
    if (k < end) {
      decoder.begin(k);
    }
    for (; k < end; k += 64) {
      Bf16x64 a[kM];
      load_activations<kM>(x, k, end - k, a);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        sums.add(r, end - k >= 64 ? decoder.load(r, k) : decoder.load_tail(r, k, end - k), a);
      }
    }
    sums.finish(x, row, block == 0);
  }
}

template <class Decoder, int kM>
void few(const WeightMatrix& w, const Operands& x) noexcept {
  constexpr int kRows = kM <= 2 ? 8 : 4;
  for (int64_t row = 0; row < w.rows;) {
    const int64_t to_next_scale =
        tensor::kFp8BlockSize - (w.first_row + row) % tensor::kFp8BlockSize;
    if (w.rows - row >= kRows && to_next_scale >= kRows) {
      few_rows<Decoder, kRows, kM>(w, x, row);
      row += kRows;
    } else {
      few_rows<Decoder, 1, kM>(w, x, row);
      ++row;
    }
  }
}

}  // namespace
}  // namespace levin::kernels::avx512
