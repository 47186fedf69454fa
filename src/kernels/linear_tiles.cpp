#include "kernels/linear_tiles.h"

#include <algorithm>

#include "base/integers.h"

namespace levin::kernels {
namespace {

constexpr int64_t kMinTileRows = 16;
constexpr int64_t kMaxTileRows = 128;
constexpr int64_t kMinTileM = 48;  // fewer rows would decode the weights too often
constexpr int64_t kReadBoundM = 8;
constexpr int64_t kTasksPerThread = 16;  // the last task is what the other threads wait for

}  // namespace

int64_t linear_work(const tensor::WeightMatrix& w, int64_t m) noexcept {
  return w.rows * w.cols * std::max(m, kReadBoundM);
}

LinearTiles cut_linear(const tensor::WeightMatrix& w, int64_t m, int64_t total_work,
                       int threads) noexcept {
  if (m == 0 || w.rows == 0) {
    return {};
  }
  const int64_t work_per_task = std::max<int64_t>(total_work / (threads * kTasksPerThread), 1);
  const int64_t work_per_row = std::max<int64_t>(linear_work(w, m) / w.rows, 1);
  LinearTiles tiles;
  tiles.tile_rows = std::clamp(base::round_up(work_per_task / work_per_row, kMinTileRows),
                               kMinTileRows, kMaxTileRows);
  tiles.row_tiles = base::ceil_div(w.rows, tiles.tile_rows);
  const int64_t tile_work = tiles.tile_rows * work_per_row;
  const int64_t splits = std::min(base::ceil_div(tile_work, 2 * work_per_task), m / kMinTileM);
  tiles.tile_m = base::ceil_div(m, std::max<int64_t>(splits, 1));
  tiles.m_tiles = base::ceil_div(m, tiles.tile_m);
  return tiles;
}

LinearTile linear_tile(const LinearTiles& tiles, int64_t tile_idx, int64_t m,
                       int64_t rows) noexcept {
  const int64_t row_begin = tile_idx / tiles.m_tiles * tiles.tile_rows;
  const int64_t m_begin = tile_idx % tiles.m_tiles * tiles.tile_m;
  return {.m_begin = m_begin,
          .m = std::min(tiles.tile_m, m - m_begin),
          .row_begin = row_begin,
          .rows = std::min(tiles.tile_rows, rows - row_begin)};
}

}  // namespace levin::kernels
