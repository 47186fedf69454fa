#include "kernels/linear.h"

#include <algorithm>

#include "base/integers.h"
#include "kernels/linear_checks.h"
#include "kernels/linear_tiles.h"
#include "kernels/workspace.h"

namespace levin::kernels {
namespace {

// Below this many numbers waking the threads takes longer than the conversion.
constexpr int64_t kSerialConversion = 32768;
constexpr int64_t kConversionRows = 16;

/// A LinearTask made ready: its activations in bf16, its place among the tiles of all tasks.
struct Product {
  int64_t first_tile = 0;
  LinearTiles tiles;
  int64_t first_converted_row = 0;  ///< among the rows of all tasks that need a conversion
  bool is_x_shared = false;         ///< the task before has the same x, already converted
  Bf16* a = nullptr;                ///< [m, a_stride]
  int64_t a_stride = 0;
};

bool same_view(const TensorView<const float, 2>& a, const TensorView<const float, 2>& b) {
  return a.data() == b.data() && a.extents() == b.extents() && a.strides() == b.strides();
}

/// Whether task `i` meets the x of the task before it, which is converted once for both.
bool shares_x(std::span<const LinearTask> tasks, size_t i) {
  return i > 0 && same_view(tasks[i].x, tasks[i - 1].x);
}

/// The product that contains number `idx` of a running count.
template <int64_t Product::*first>
int64_t find_product(std::span<const Product> products, int64_t idx) {
  const auto after =
      std::upper_bound(products.begin(), products.end(), idx,
                       [](int64_t value, const Product& p) { return value < p.*first; });
  return after - products.begin() - 1;
}

struct Plan {
  std::span<Product> products;
  int64_t tiles = 0;
  int64_t converted_rows = 0;
  int64_t converted_numbers = 0;
};

Plan make_plan(Context& ctx, std::span<const LinearTask> tasks) {
  const auto count = static_cast<int64_t>(tasks.size());
  int64_t total_work = 0;
  WorkspaceCutter size;
  size.take<Product>(count);
  for (size_t i = 0; i < tasks.size(); ++i) {
    const LinearTask& task = tasks[i];
    total_work += linear_work(task.w, task.x.extent(0));
    if (!shares_x(tasks, i)) {
      size.take<Bf16>(task.x.extent(0) * activation_stride(task.w.cols));
    }
  }
  WorkspaceCutter memory(ctx.workspace(size.used_bytes()));
  Plan plan{.products = {memory.take<Product>(count), tasks.size()}};
  for (size_t i = 0; i < tasks.size(); ++i) {
    const LinearTask& task = tasks[i];
    const int64_t m = task.x.extent(0);
    Product& product = plan.products[i];
    product = {.first_tile = plan.tiles,
               .tiles = cut_linear(task.w, m, total_work, ctx.pool().thread_count()),
               .first_converted_row = plan.converted_rows,
               .is_x_shared = shares_x(tasks, i),
               .a_stride = activation_stride(task.w.cols)};
    plan.tiles += product.tiles.count();
    if (product.is_x_shared) {
      product.a = plan.products[i - 1].a;
    } else {
      product.a = memory.take<Bf16>(m * product.a_stride);
      plan.converted_rows += m;
      plan.converted_numbers += m * task.w.cols;
    }
  }
  return plan;
}

/// Converts rows [begin, end) of the running count of rows that need it.
void convert_rows(const OpTable& table, std::span<const LinearTask> tasks, const Plan& plan,
                  int64_t begin, int64_t end) {
  int64_t idx = find_product<&Product::first_converted_row>(plan.products, begin);
  for (int64_t row = begin; row < end; ++row) {
    while (plan.products[idx].is_x_shared ||
           row - plan.products[idx].first_converted_row >= tasks[idx].x.extent(0)) {
      ++idx;
    }
    const Product& product = plan.products[idx];
    const int64_t own_row = row - product.first_converted_row;
    table.f32_to_bf16(tasks[idx].x.row(own_row), product.a + own_row * product.a_stride,
                      tasks[idx].w.cols);
  }
}

void convert_activations(Context& ctx, std::span<const LinearTask> tasks, const Plan& plan) {
  if (plan.converted_numbers <= kSerialConversion) {
    convert_rows(ctx.table(), tasks, plan, 0, plan.converted_rows);
    return;
  }
  const int64_t chunks = base::ceil_div(plan.converted_rows, kConversionRows);
  ctx.pool().parallel_for(chunks, [&](int64_t chunk, int /*thread_idx*/) {
    const int64_t begin = chunk * kConversionRows;
    convert_rows(ctx.table(), tasks, plan, begin,
                 std::min(begin + kConversionRows, plan.converted_rows));
  });
}

/// The tile that task `task_idx` works on. Threads take tasks in turns; so that each of them still
/// walks through neighbouring tiles, where the weights of the next one are already prefetched, the
/// tiles are cut in one run per thread and a turn gives out one tile of each run.
int64_t tile_of_task(int64_t task_idx, int64_t tiles, int threads) {
  const int64_t run = tiles / threads;
  return task_idx < run * threads ? task_idx % threads * run + task_idx / threads : task_idx;
}

}  // namespace

void linear(Context& ctx, TensorView<const float, 2> x, const WeightMatrix& w,
            TensorView<float, 2> y) {
  const LinearTask task{x, w, y};
  linear_batch(ctx, {&task, 1});
}

void linear_batch(Context& ctx, std::span<const LinearTask> tasks) {
  for (const LinearTask& task : tasks) {
    check_linear_shapes("linear", task.x, task.w, task.y);
  }
  const Plan plan = make_plan(ctx, tasks);
  convert_activations(ctx, tasks, plan);
  const int threads = ctx.pool().thread_count();
  ctx.pool().parallel_for(plan.tiles, [&](int64_t task_idx, int thread_idx) {
    const int64_t tile_idx = tile_of_task(task_idx, plan.tiles, threads);
    const int64_t idx = find_product<&Product::first_tile>(plan.products, tile_idx);
    const Product& product = plan.products[idx];
    const LinearTask& task = tasks[idx];
    const LinearTile tile =
        linear_tile(product.tiles, tile_idx - product.first_tile, task.x.extent(0), task.w.rows);
    ctx.table().matmul(task.w.slice_rows(tile.row_begin, tile.rows),
                       product.a + tile.m_begin * product.a_stride, product.a_stride, tile.m,
                       task.y.row(tile.m_begin) + tile.row_begin, task.y.stride(0),
                       ctx.scratch(thread_idx));
  });
}

}  // namespace levin::kernels
