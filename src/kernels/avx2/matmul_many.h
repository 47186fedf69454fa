// matmul for larger m: a tile of weights is decoded once, to float32, and then meets every
// activation row in a register-blocked micro-kernel. Bound by the rate of fused multiply-adds.
#pragma once

#include "kernels/avx2/matmul.h"

namespace levin::kernels::avx2 {
namespace {

inline constexpr int64_t kTileRows = 64;  // 64 x 1024 float32 = 256 KiB
inline constexpr int64_t kPanelRows = 4;  // weight rows of the micro-kernel

/// A tile of decoded weights: panels of 4 rows, [rows / 4, steps, even and odd, 4, 8], zero behind
/// the last row and column, so that the micro-kernel reads one stream.
struct WeightTile {
  float* data;
  int64_t steps;  ///< of 16 columns

  [[nodiscard]] float* at(int64_t row, int64_t step) const noexcept {
    return data + (row / kPanelRows * steps + step) * kPanelRows * 16 + row % kPanelRows * 8;
  }
  void store(int64_t row, int64_t step, const F32x16& w) const noexcept {
    _mm256_store_ps(at(row, step), w.even);
    _mm256_store_ps(at(row, step) + kPanelRows * 8, w.odd);
  }
};

/// Decodes columns [begin, end) of rows [first, first + rows).
template <class Decoder>
void decode_tile(const WeightMatrix& w, int64_t first, int64_t rows, int64_t begin, int64_t end,
                 const WeightTile& tile) noexcept {
  for (int64_t row = 0; row < rows; ++row) {
    Decoder decoder(w, first + row);
    for (int64_t k = begin; k < end; k += 16) {
      if (k % 64 == 0) {
        decoder.begin(k);
      }
      tile.store(row, (k - begin) / 16,
                 end - k >= 16 ? decoder.load(0, k) : decoder.load_tail(0, k, end - k));
    }
  }
  for (int64_t row = rows; row % kPanelRows != 0; ++row) {
    for (int64_t step = 0; step < tile.steps; ++step) {
      tile.store(row, step, {_mm256_setzero_ps(), _mm256_setzero_ps()});
    }
  }
}

/// What one call of the micro-kernel does: kM activation rows x one panel x one block of k.
struct Panel {
  const Bf16* a;
  int64_t a_stride;
  const float* w;  ///< [ceil(k / 16), 2, 4, 8]
  int64_t k;
  float* c;
  int64_t c_stride;
  int64_t columns;  ///< valid rows of the panel, 1 .. 4
  bool is_first_block;
};

template <int kM>
inline void panel_half_step(__m256* sums, const __m256* a, const float* w) noexcept {
#pragma GCC unroll 4
  for (int j = 0; j < kPanelRows; ++j) {
    const __m256 weights = _mm256_load_ps(w + 8 * j);
#pragma GCC unroll 3
    for (int i = 0; i < kM; ++i) {
      sums[i * kPanelRows + j] = _mm256_fmadd_ps(weights, a[i], sums[i * kPanelRows + j]);
    }
  }
}

/// Adds the products of 16 columns; load(i) returns those of activation row i.
template <int kM, class Load>
inline void panel_step(__m256* sums, Load load, const float* w) noexcept {
  __m256 a[kM];
#pragma GCC unroll 3
  for (int i = 0; i < kM; ++i) {
    a[i] = load(i).even;
  }
  panel_half_step<kM>(sums, a, w);
  // 12 sums, 3 activations and a weight fill the registers: load again rather than spill.
  asm volatile("" ::: "memory");
#pragma GCC unroll 3
  for (int i = 0; i < kM; ++i) {
    a[i] = load(i).odd;
  }
  panel_half_step<kM>(sums, a, w + kPanelRows * 8);
}

template <int kM>
void multiply_panel(const Panel& p) noexcept {
  __m256 sums[kM * kPanelRows];
#pragma GCC unroll 12
  for (int i = 0; i < kM * kPanelRows; ++i) {
    sums[i] = _mm256_setzero_ps();
  }
  const float* w = p.w;
  int64_t k = 0;
  for (; k + 16 <= p.k; k += 16) {
    const auto load = [&p, k](int i) { return load_activations(p.a + i * p.a_stride + k); };
    panel_step<kM>(sums, load, w);
    w += kPanelRows * 16;
  }
  if (k < p.k) {
    F32x16 a[kM];
    for (int i = 0; i < kM; ++i) {
      a[i] = load_activations(p.a + i * p.a_stride + k, p.k - k);
    }
    panel_step<kM>(
        sums, [&a](int i) { return a[i]; }, w);
  }
#pragma GCC unroll 3
  for (int i = 0; i < kM; ++i) {
    alignas(16) float results[kPanelRows];
    _mm_store_ps(results, lane_sums(sums + i * kPanelRows));
    float* c = p.c + i * p.c_stride;
    for (int64_t j = 0; j < p.columns; ++j) {
      c[j] = p.is_first_block ? results[j] : c[j] + results[j];
    }
  }
}

inline constexpr int64_t kMaxPanelM = 3;
using MultiplyPanel = void (*)(const Panel&) noexcept;
constexpr MultiplyPanel kMultiplyPanel[kMaxPanelM + 1] = {nullptr, multiply_panel<1>,
                                                          multiply_panel<2>, multiply_panel<3>};

template <class Decoder>
void many(const WeightMatrix& w, const Operands& x, std::byte* scratch) noexcept {
  const int64_t groups = (x.m + kMaxPanelM - 1) / kMaxPanelM;  // of nearly equal height
  for (int64_t first = 0; first < w.rows; first += kTileRows) {
    const int64_t rows = w.rows - first < kTileRows ? w.rows - first : kTileRows;
    for (int64_t block = 0; block < w.cols; block += kBlockK) {
      const int64_t end = block + kBlockK < w.cols ? block + kBlockK : w.cols;
      const WeightTile tile{reinterpret_cast<float*>(scratch), (end - block + 15) / 16};
      decode_tile<Decoder>(w, first, rows, block, end, tile);
      for (int64_t group = 0; group < groups; ++group) {
        const int64_t row = x.m * group / groups;
        const int64_t height = x.m * (group + 1) / groups - row;
        for (int64_t panel = 0; panel < rows; panel += kPanelRows) {
          const int64_t columns = rows - panel < kPanelRows ? rows - panel : kPanelRows;
          kMultiplyPanel[height]({x.a + row * x.a_stride + block, x.a_stride, tile.at(panel, 0),
                                  end - block, x.c + row * x.c_stride + first + panel, x.c_stride,
                                  columns, block == 0});
        }
      }
    }
  }
}

}  // namespace
}  // namespace levin::kernels::avx2
