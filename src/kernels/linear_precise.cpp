#include <algorithm>

#include "base/integers.h"
#include "kernels/linear.h"
#include "kernels/linear_checks.h"
#include "kernels/linear_tiles.h"
#include "kernels/workspace.h"

namespace levin::kernels {
namespace {

// Activation rows of one task: with two terms a row and kMaxTileRows outputs, 96 KiB of sums.
constexpr int64_t kMaxTileM = 96;

/// Memory of one call: x as two bf16 terms, rows 2i (the rounded x) and 2i + 1 (what is left), and
/// each thread's sums of both.
struct PreciseMemory {
  Bf16* terms = nullptr;  // [2 m, stride]
  float* sums = nullptr;  // [threads, 2 tile_m, tile_rows]
  float* rest = nullptr;  // [threads, stride]

  static PreciseMemory cut(WorkspaceCutter& cutter, int64_t m, int64_t stride, int64_t sums,
                           int threads) {
    return {.terms = cutter.take<Bf16>(2 * m * stride),
            .sums = cutter.take<float>(threads * sums),
            .rest = cutter.take<float>(threads * stride)};
  }
};

void split_row(const OpTable& table, const float* x, int64_t cols, Bf16* high, Bf16* low,
               float* rest) {
  table.f32_to_bf16(x, high, cols);
  for (int64_t k = 0; k < cols; ++k) {
    rest[k] = x[k] - base::to_f32(high[k]);
  }
  table.f32_to_bf16(rest, low, cols);
}

}  // namespace

void linear_precise(Context& ctx, TensorView<const float, 2> x, const WeightMatrix& w,
                    TensorView<float, 2> y) {
  check_linear_shapes("linear_precise", x, w, y);
  const int64_t m = x.extent(0);
  const int threads = ctx.pool().thread_count();
  const int64_t stride = activation_stride(w.cols);
  LinearTiles tiles = cut_linear(w, 2 * m, linear_work(w, 2 * m), threads);
  tiles.tile_m = std::min((tiles.tile_m + 1) / 2, kMaxTileM);
  tiles.m_tiles = m == 0 ? 0 : base::ceil_div(m, tiles.tile_m);
  const int64_t thread_sums = 2 * tiles.tile_m * tiles.tile_rows;
  WorkspaceCutter size;
  PreciseMemory::cut(size, m, stride, thread_sums, threads);
  WorkspaceCutter cutter(ctx.workspace(size.used_bytes()));
  const PreciseMemory memory = PreciseMemory::cut(cutter, m, stride, thread_sums, threads);

  ctx.pool().parallel_for(m, [&](int64_t i, int thread_idx) {
    Bf16* high = memory.terms + 2 * i * stride;
    split_row(ctx.table(), x.row(i), w.cols, high, high + stride,
              memory.rest + thread_idx * stride);
  });
  ctx.pool().parallel_for(tiles.count(), [&](int64_t tile_idx, int thread_idx) {
    const LinearTile tile = linear_tile(tiles, tile_idx, m, w.rows);
    float* sums = memory.sums + thread_idx * thread_sums;
    ctx.table().matmul(w.slice_rows(tile.row_begin, tile.rows),
                       memory.terms + 2 * tile.m_begin * stride, stride, 2 * tile.m, sums,
                       tile.rows, ctx.scratch(thread_idx));
    for (int64_t i = 0; i < tile.m; ++i) {
      const float* high = sums + 2 * i * tile.rows;
      const float* low = high + tile.rows;
      float* out = y.row(tile.m_begin + i) + tile.row_begin;
      for (int64_t j = 0; j < tile.rows; ++j) {
        out[j] = high[j] + low[j];
      }
    }
  });
}

}  // namespace levin::kernels
