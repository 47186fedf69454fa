// matmul for m <= 2 (decode of one or two sequences): weights go from memory through registers
// into the sums, nothing is stored in between.
#pragma once

#include "kernels/avx2/matmul.h"

namespace levin::kernels::avx2 {
namespace {

inline constexpr int64_t kFewM = 2;

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
    const auto add = [&sums](int r, const F32x16& weights, const F32x16* a) {
#pragma GCC unroll 2
      for (int i = 0; i < kM; ++i) {
        __m256& sum = sums[r * kM + i];
        sum = _mm256_fmadd_ps(weights.even, a[i].even, sum);
        sum = _mm256_fmadd_ps(weights.odd, a[i].odd, sum);
      }
    };
    for (int64_t k = block; k < end; k += 16) {
      if (k % 64 == 0) {
        decoder.begin(k);
      }
      F32x16 a[kM];
      const int64_t count = end - k;
      if (count >= 16) [[likely]] {
#pragma GCC unroll 2
        for (int i = 0; i < kM; ++i) {
          a[i] = load_activations(x.a + i * x.a_stride + k);
        }
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) {
          add(r, decoder.load(r, k), a);
        }
      } else {
        for (int i = 0; i < kM; ++i) {
          a[i] = load_activations(x.a + i * x.a_stride + k, count);
        }
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) {
          add(r, decoder.load_tail(r, k, count), a);
        }
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
}  // namespace levin::kernels::avx2
