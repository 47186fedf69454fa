// How a product is cut into tasks for the threads. Cutting never changes a result: a row's bits do
// not depend on the rows computed with it.
#pragma once

#include <cstdint>

#include "base/integers.h"
#include "tensor/weight_matrix.h"

namespace levin::kernels {

/// Tasks of [tile_m, tile_rows] results, numbered row tile by row tile.
struct LinearTiles {
  int64_t tile_rows = 1;
  int64_t tile_m = 1;
  int64_t row_tiles = 0;
  int64_t m_tiles = 0;

  [[nodiscard]] int64_t count() const noexcept { return row_tiles * m_tiles; }
};

/// One task: results [m_begin, m_begin + m) x [row_begin, row_begin + rows).
struct LinearTile {
  int64_t m_begin = 0;
  int64_t m = 0;
  int64_t row_begin = 0;
  int64_t rows = 0;
};

/// Elements between the bf16 activation rows of a product: rows start at multiples of 64 bytes, and
/// not all in the same sets of the cache where cols is a power of two.
constexpr int64_t activation_stride(int64_t cols) noexcept { return base::round_up(cols, 32) + 32; }

/// Work of a product in units that compare: few activation rows cost what reading the weights does.
int64_t linear_work(const tensor::WeightMatrix& w, int64_t m) noexcept;

/// Tiles of an [m, w.rows] product that is part of a loop of `total_work` on `threads` threads.
LinearTiles cut_linear(const tensor::WeightMatrix& w, int64_t m, int64_t total_work,
                       int threads) noexcept;

LinearTile linear_tile(const LinearTiles& tiles, int64_t tile_idx, int64_t m,
                       int64_t rows) noexcept;

}  // namespace levin::kernels
