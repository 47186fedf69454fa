// matmul for larger m: a tile of weights is decoded to bf16 once and then meets every activation
// row in a register-blocked micro-kernel. Bound by the rate of vdpbf16ps.
#pragma once

#include <immintrin.h>

#include "kernels/avx512/decode.h"
#include "kernels/avx512/matmul.h"
#include "kernels/avx512/reduce.h"

namespace levin::kernels::avx512 {
namespace {

inline constexpr int64_t kTileRows = 64;  // 64 x 2048 bf16 = 256 KiB of the core's L2
inline constexpr int64_t kPanelRows = 4;  // weight rows of the micro-kernel

/// A tile of decoded weights: panels of 4 rows, [rows / 4, steps, 4, 32], zero behind the last row
/// and column, so that the micro-kernel reads one stream.
struct WeightTile {
  Bf16* data;
  int64_t steps;  ///< of 32 columns, even

  [[nodiscard]] Bf16* at(int64_t row, int64_t step) const noexcept {
    return data + ((row / kPanelRows * steps + step) * kPanelRows + row % kPanelRows) * 32;
  }
  void store(int64_t row, int64_t step, const Bf16x64& w) const noexcept {
    _mm512_store_si512(at(row, step), reinterpret_cast<__m512i>(w.lo));
    _mm512_store_si512(at(row, step + 1), reinterpret_cast<__m512i>(w.hi));
  }
};

/// Decodes columns [begin, end) of rows [row, row + count), which share their FP8 block scales, to
/// tile rows tile_row, ... Asks for the next kPanelRows rows meanwhile: the blocks of a row are
/// too short for the hardware's prefetcher (Zen 5, fp8 from memory, m 16: 268 -> 325 GFLOP/s). To
/// L2 alone: the same to L1 takes 8 % longer (Zen 4, `levin bench`, chunks of 16).
template <class Decoder>
void decode_rows(const WeightMatrix& w, int64_t row, int64_t count, int64_t begin, int64_t end,
                 const WeightTile& tile, int64_t tile_row) noexcept {
  Decoder decoder(w, row);
  for (int64_t k = begin; k < end; k += 64) {
    if (k % tensor::kFp8BlockSize == 0) {
      decoder.begin(k);
    }
    const int64_t step = (k - begin) / 32;
    for (int64_t r = 0; r < count; ++r) {
      const std::byte* next = w.data + ((row + kPanelRows + r) * w.cols + k) * Decoder::kBytes;
#pragma GCC unroll 4
      for (int64_t line = 0; line < 64 * Decoder::kBytes; line += 64) {
        _mm_prefetch(reinterpret_cast<const char*>(next + line), _MM_HINT_T1);
      }
      tile.store(tile_row + r, step,
                 end - k >= 64 ? decoder.load(r, k) : decoder.load_tail(r, k, end - k));
    }
  }
}

template <class Decoder>
void decode_tile(const WeightMatrix& w, int64_t first, int64_t rows, int64_t begin, int64_t end,
                 const WeightTile& tile) noexcept {
  for (int64_t row = 0; row < rows;) {
    const int64_t in_block = (w.first_row + first + row) % tensor::kFp8BlockSize;
    int64_t count = tensor::kFp8BlockSize - in_block;
    count = count < kPanelRows ? count : kPanelRows;
    count = count < rows - row ? count : rows - row;
    decode_rows<Decoder>(w, first + row, count, begin, end, tile, row);
    row += count;
  }
  for (int64_t row = rows; row % kPanelRows != 0; ++row) {
    for (int64_t step = 0; step < tile.steps; step += 2) {
      tile.store(row, step, {as_bf16(_mm512_setzero_si512()), as_bf16(_mm512_setzero_si512())});
    }
  }
}

/// What one call of the micro-kernel does: kM activation rows x one panel x one block of k.
struct Panel {
  const Bf16* a;
  int64_t a_stride;
  const Bf16* w;  ///< [ceil(k / 32), 4, 32]
  int64_t k;
  float* c;
  int64_t c_stride;
  int64_t columns;  ///< valid rows of the panel, 1 .. 4
  bool is_first_block;
};

template <int kM>
inline void panel_step(__m512* sums, const __m512i* a, const Bf16* w) noexcept {
#pragma GCC unroll 4
  for (int j = 0; j < kPanelRows; ++j) {
    const __m512bh weights = as_bf16(_mm512_load_si512(w + 32 * j));
#pragma GCC unroll 6
    for (int i = 0; i < kM; ++i) {
      sums[i * kPanelRows + j] = _mm512_dpbf16_ps(sums[i * kPanelRows + j], weights, as_bf16(a[i]));
    }
  }
}

/// Adds the lanes of 4 x kM sums and stores, or adds to, c.
template <int kM>
inline void store_panel(const __m512* sums, float* c, const Panel& p) noexcept {
  const auto columns = static_cast<__mmask8>(low_bits(p.columns));
  alignas(64) float results[4][4];
  _mm512_store_ps(results[0], lane_sums<kM * kPanelRows>(sums));
  for (int i = 0; i < kM; ++i) {
    float* row = c + i * p.c_stride;
    __m128 sum = _mm_load_ps(results[i]);
    if (!p.is_first_block) {
      sum = _mm_add_ps(_mm_maskz_loadu_ps(columns, row), sum);
    }
    _mm_mask_storeu_ps(row, columns, sum);
  }
}

template <int kM>
void multiply_panel(const Panel& p) noexcept {
  __m512 sums[kM * kPanelRows];
#pragma GCC unroll 24
  for (int i = 0; i < kM * kPanelRows; ++i) {
    sums[i] = _mm512_setzero_ps();
  }
  const Bf16* w = p.w;
  int64_t k = 0;
  for (; k + 32 <= p.k; k += 32) {
    __m512i a[kM];
#pragma GCC unroll 6
    for (int i = 0; i < kM; ++i) {
      a[i] = _mm512_loadu_si512(p.a + i * p.a_stride + k);
    }
    panel_step<kM>(sums, a, w);
    w += kPanelRows * 32;
  }
  if (k < p.k) {
    const auto mask = static_cast<__mmask32>(low_bits(p.k - k));
    __m512i a[kM];
#pragma GCC unroll 6
    for (int i = 0; i < kM; ++i) {
      a[i] = _mm512_maskz_loadu_epi16(mask, p.a + i * p.a_stride + k);
    }
    panel_step<kM>(sums, a, w);
  }
  if constexpr (kM <= 4) {
    store_panel<kM>(sums, p.c, p);
  } else {
    store_panel<4>(sums, p.c, p);
    store_panel<kM - 4>(sums + 4 * kPanelRows, p.c + 4 * p.c_stride, p);
  }
}

inline constexpr int64_t kMaxPanelM = 6;
using MultiplyPanel = void (*)(const Panel&) noexcept;
constexpr MultiplyPanel kMultiplyPanel[kMaxPanelM + 1] = {
    nullptr,           multiply_panel<1>, multiply_panel<2>, multiply_panel<3>,
    multiply_panel<4>, multiply_panel<5>, multiply_panel<6>};

template <class Decoder>
void many(const WeightMatrix& w, const Operands& x, std::byte* scratch) noexcept {
  const int64_t groups = (x.m + kMaxPanelM - 1) / kMaxPanelM;  // of nearly equal height
  for (int64_t first = 0; first < w.rows; first += kTileRows) {
    const int64_t rows = w.rows - first < kTileRows ? w.rows - first : kTileRows;
    for (int64_t block = 0; block < w.cols; block += kBlockK) {
      const int64_t end = block + kBlockK < w.cols ? block + kBlockK : w.cols;
      const WeightTile tile{reinterpret_cast<Bf16*>(scratch), (end - block + 63) / 64 * 2};
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
}  // namespace levin::kernels::avx512
