// matmul for larger m: a tile of weights is decoded once, to float32, and then meets every
// activation row in a register-blocked micro-kernel. Bound by the rate of fused multiply-adds.
#pragma once

#include "kernels/avx2/matmul.h"

namespace levin::kernels::avx2 {
namespace {

inline constexpr int64_t kTileRows = 64;  // 64 x 1024 float32 = 256 KiB
inline constexpr int64_t kPanelRows = 4;  // weight rows of the micro-kernel
// A panel (16 KiB) stays in L1 while so many activation rows (128 KiB) come from L2, in which they
// lie beside the tile.
inline constexpr int64_t kStripRows = 63;

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
  for (int64_t row = 0; row < rows;) {
    Decoder decoder(w, first + row);
    int64_t count = rows_to_next_scale(w, first + row);
    count = count < kPanelRows ? count : kPanelRows;
    count = count < rows - row ? count : rows - row;
    for (int64_t k = begin; k < end; k += 32) {
      if (k % 64 == 0) {
        decoder.begin(k);
      }
      const int64_t step = (k - begin) / 16;
      for (int64_t r = 0; r < count; ++r) {
        if (end - k >= 32) [[likely]] {
          const F32x32 weights = load_pair(decoder, r, k);
          tile.store(row + r, step, weights.first);
          tile.store(row + r, step + 1, weights.second);
        } else {
          for (int64_t at = k; at < end; at += 16) {
            const int64_t columns = end - at < 16 ? end - at : 16;
            tile.store(row + r, (at - begin) / 16, decoder.load_tail(r, at, columns));
          }
        }
      }
    }
    row += count;
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

/// sum += w * a. As an instruction, because compilers turn this intrinsic into forms that overwrite
/// a factor or load it once more, and then move sums to the stack (a quarter slower).
inline void add_product(__m256& sum, __m256 w, __m256 a) noexcept {
  asm("vfmadd231ps %2, %1, %0" : "+x"(sum) : "x"(w), "x"(a));
}

template <int kM>
inline void panel_half_step(__m256* sums, const __m256* a, const float* w) noexcept {
#pragma GCC unroll 4
  for (int j = 0; j < kPanelRows; ++j) {
    const __m256 weights = _mm256_load_ps(w + 8 * j);
#pragma GCC unroll 3
    for (int i = 0; i < kM; ++i) {
      add_product(sums[i * kPanelRows + j], weights, a[i]);
    }
  }
}

/// Adds the products of 16 columns of kM rows of bf16 activations that lie `a_stride` apart.
template <int kM>
inline void panel_step(__m256* sums, const Bf16* a, int64_t a_stride, const float* w) noexcept {
  // 12 sums, 3 activations and a weight fill the registers: the odd columns are loaded again, and
  // parted by shifts, which need no mask.
  __m256 parted[kM];
#pragma GCC unroll 3
  for (int i = 0; i < kM; ++i) {
    parted[i] = _mm256_castsi256_ps(_mm256_slli_epi32(load_256(a + i * a_stride), 16));
  }
  panel_half_step<kM>(sums, parted, w);
#pragma GCC unroll 3
  for (int i = 0; i < kM; ++i) {
    const __m256i odd = _mm256_srli_epi32(load_256(a + i * a_stride), 16);
    parted[i] = _mm256_castsi256_ps(_mm256_slli_epi32(odd, 16));
  }
  panel_half_step<kM>(sums, parted, w + kPanelRows * 8);
}

template <int kM>
void multiply_panel(const Panel& p) noexcept {
  __m256 sums[kM * kPanelRows];
#pragma GCC unroll 12
  for (int i = 0; i < kM * kPanelRows; ++i) {
    sums[i] = _mm256_setzero_ps();
  }
  const Bf16* a = p.a;
  const float* w = p.w;
  const int64_t a_stride = p.a_stride;
  for (int64_t steps = p.k / 16; steps > 0; --steps) {
    panel_step<kM>(sums, a, a_stride, w);
    a += 16;
    w += kPanelRows * 16;
  }
  const int64_t rest = p.k % 16;
  if (rest != 0) {
    Bf16 padded[kM * 16] = {};
    for (int i = 0; i < kM; ++i) {
      __builtin_memcpy(padded + i * 16, a + i * a_stride, static_cast<size_t>(rest) * sizeof *a);
    }
    panel_step<kM>(sums, padded, 16, w);
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

/// Multiplies activation rows [first, first + m) with columns [begin, end) of a decoded tile of
/// `rows` weight rows, the first of which is `tile_row`.
inline void multiply_strip(const Operands& x, int64_t first, int64_t m, const WeightTile& tile,
                           int64_t tile_row, int64_t rows, int64_t begin, int64_t end) noexcept {
  const int64_t groups = (m + kMaxPanelM - 1) / kMaxPanelM;  // of nearly equal height
  for (int64_t panel = 0; panel < rows; panel += kPanelRows) {
    const int64_t columns = rows - panel < kPanelRows ? rows - panel : kPanelRows;
    for (int64_t group = 0; group < groups; ++group) {
      const int64_t row = first + m * group / groups;
      const int64_t height = first + m * (group + 1) / groups - row;
      kMultiplyPanel[height]({x.a + row * x.a_stride + begin, x.a_stride, tile.at(panel, 0),
                              end - begin, x.c + row * x.c_stride + tile_row + panel, x.c_stride,
                              columns, begin == 0});
    }
  }
}

template <class Decoder>
void many(const WeightMatrix& w, const Operands& x, std::byte* scratch) noexcept {
  const int64_t strips = (x.m + kStripRows - 1) / kStripRows;  // of nearly equal height, too
  for (int64_t first = 0; first < w.rows; first += kTileRows) {
    const int64_t rows = w.rows - first < kTileRows ? w.rows - first : kTileRows;
    for (int64_t begin = 0; begin < w.cols; begin += kBlockK) {
      const int64_t end = begin + kBlockK < w.cols ? begin + kBlockK : w.cols;
      const WeightTile tile{reinterpret_cast<float*>(scratch), (end - begin + 15) / 16};
      decode_tile<Decoder>(w, first, rows, begin, end, tile);
      for (int64_t strip = 0; strip < strips; ++strip) {
        const int64_t row = x.m * strip / strips;
        multiply_strip(x, row, x.m * (strip + 1) / strips - row, tile, first, rows, begin, end);
      }
    }
  }
}

}  // namespace
}  // namespace levin::kernels::avx2
