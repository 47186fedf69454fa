// matmul for m <= 2 (decode of one or two sequences): weights go from memory through registers
// into the sums, nothing is stored in between.
#pragma once

#include "kernels/avx2/matmul.h"

namespace levin::kernels::avx2 {
namespace {

inline constexpr int64_t kFewM = 2;

/// Adds the products of 16 columns of a weight row with kM activation rows.
template <int kM>
inline void add_columns(__m256* sums, const F32x16& weights, const F32x16* a) noexcept {
#pragma GCC unroll 2
  for (int i = 0; i < kM; ++i) {
    sums[i] = _mm256_fmadd_ps(weights.even, a[i].even, sums[i]);
    sums[i] = _mm256_fmadd_ps(weights.odd, a[i].odd, sums[i]);
  }
}

/// Adds columns [k, k + 32).   sums [kRows, kM]
template <class Decoder, int kRows, int kM>
inline void add_pair(__m256* sums, const Decoder& decoder, const Operands& x, int64_t k) noexcept {
  F32x16 first[kM];
  F32x16 second[kM];
#pragma GCC unroll 2
  for (int i = 0; i < kM; ++i) {
    first[i] = load_activations(x.a + i * x.a_stride + k);
    second[i] = load_activations(x.a + i * x.a_stride + k + 16);
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    const F32x32 weights = load_pair(decoder, r, k);
    add_columns<kM>(sums + r * kM, weights.first, first);
    add_columns<kM>(sums + r * kM, weights.second, second);
  }
}

/// Adds columns [k, k + count) for count <= 16.
template <class Decoder, int kRows, int kM>
inline void add_tail(__m256* sums, const Decoder& decoder, const Operands& x, int64_t k,
                     int64_t count) noexcept {
  F32x16 a[kM];
  for (int i = 0; i < kM; ++i) {
    a[i] = load_activations(x.a + i * x.a_stride + k, count);
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    add_columns<kM>(sums + r * kM, decoder.load_tail(r, k, count), a);
  }
}

/// c[:, row .. row + kRows) for kM activation rows. The weight rows share their FP8 block scales.
template <class Decoder, int kRows, int kM>
void few_rows(const WeightMatrix& w, const Operands& x, int64_t row) noexcept {
  Decoder decoder(w, row);
  for (int64_t block = 0; block < w.cols; block += kBlockK) {
    const int64_t end = block + kBlockK < w.cols ? block + kBlockK : w.cols;
    __m256 sums[kRows * kM];
#pragma GCC unroll 8
    for (int i = 0; i < kRows * kM; ++i) {
      sums[i] = _mm256_setzero_ps();
    }
    for (int64_t k = block; k < end; k += 32) {
      if (k % 64 == 0) {
        decoder.begin(k);
      }
      if (end - k >= 32) [[likely]] {
        add_pair<Decoder, kRows, kM>(sums, decoder, x, k);
        continue;
      }
      for (int64_t at = k; at < end; at += 16) {
        const int64_t count = end - at < 16 ? end - at : 16;
        add_tail<Decoder, kRows, kM>(sums, decoder, x, at, count);
      }
    }
    for (int i = 0; i < kM; ++i) {
      float* c = x.c + i * x.c_stride + row;
      for (int r = 0; r < kRows; ++r) {
        const float sum = lane_sum(sums[r * kM + i]);
        c[r] = block == 0 ? sum : c[r] + sum;
      }
    }
  }
}

template <class Decoder, int kM>
void few(const WeightMatrix& w, const Operands& x) noexcept {
  constexpr int kRows = 8 / kM;
  for (int64_t row = 0; row < w.rows;) {
    if (w.rows - row >= kRows && rows_to_next_scale(w, row) >= kRows) {
      few_rows<Decoder, kRows, kM>(w, x, row);
      row += kRows;
    } else {
      few_rows<Decoder, 1, kM>(w, x, row);
      ++row;
    }
  }
}

}  // namespace
}  // namespace levin::kernels::avx2
