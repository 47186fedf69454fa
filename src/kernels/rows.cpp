#include "kernels/rows.h"

#include <algorithm>

#include "base/error.h"
#include "base/integers.h"

namespace levin::kernels {
namespace {

// Numbers that one task of a row-wise op should touch at least: less is not worth a hand-over.
constexpr int64_t kTaskNumbers = 1 << 14;

/// Calls body(row) for every row of [0, rows), `width` numbers each, on all threads.
template <typename Body>
void for_each_row(Context& ctx, int64_t rows, int64_t width, const Body& body) {
  const int64_t task_rows = std::max<int64_t>(1, kTaskNumbers / std::max<int64_t>(1, width));
  const int64_t tasks = base::ceil_div(rows, task_rows);
  ctx.pool().parallel_for(tasks, [&](int64_t task_idx, int /*thread_idx*/) {
    const int64_t end = std::min(rows, (task_idx + 1) * task_rows);
    for (int64_t row = task_idx * task_rows; row < end; ++row) {
      body(row);
    }
  });
}

}  // namespace

void rms_norm(Context& ctx, TensorView<const float, 2> x, std::span<const float> weight, float eps,
              TensorView<float, 2> y) {
  LEVIN_CHECK(x.extents() == y.extents());
  LEVIN_CHECK(std::ssize(weight) == x.extent(1));
  for_each_row(ctx, x.extent(0), x.extent(1), [&](int64_t row) {
    ctx.table().rms_norm(x.row(row), weight.data(), eps, x.extent(1), y.row(row));
  });
}

void layer_norm(Context& ctx, TensorView<const float, 2> x, std::span<const float> weight,
                std::span<const float> bias, float eps, TensorView<float, 2> y) {
  LEVIN_CHECK(x.extents() == y.extents());
  LEVIN_CHECK(std::ssize(weight) == x.extent(1));
  LEVIN_CHECK(std::ssize(bias) == x.extent(1));
  for_each_row(ctx, x.extent(0), x.extent(1), [&](int64_t row) {
    ctx.table().layer_norm(x.row(row), weight.data(), bias.data(), eps, x.extent(1), y.row(row));
  });
}

void silu_mul(Context& ctx, TensorView<const float, 2> gate, TensorView<const float, 2> up,
              TensorView<float, 2> y) {
  LEVIN_CHECK(gate.extents() == up.extents());
  LEVIN_CHECK(gate.extents() == y.extents());
  // Element by element, so that long rows can be cut: a task is a range of one row.
  const int64_t width = y.extent(1);
  const int64_t ranges = base::ceil_div(width, kTaskNumbers);
  for_each_row(ctx, y.extent(0) * ranges, std::min(width, kTaskNumbers), [&](int64_t idx) {
    const int64_t row = idx / ranges;
    const int64_t begin = idx % ranges * kTaskNumbers;
    ctx.table().silu_mul(gate.row(row) + begin, up.row(row) + begin,
                         std::min(kTaskNumbers, width - begin), y.row(row) + begin);
  });
}

void add(Context& ctx, TensorView<const float, 2> x, TensorView<float, 2> y) {
  LEVIN_CHECK(x.extents() == y.extents());
  for_each_row(ctx, y.extent(0), y.extent(1), [&](int64_t row) {
    ctx.table().add_scaled(x.row(row), 1.0F, y.extent(1), y.row(row));
  });
}

void apply_rope(Context& ctx, TensorView<float, 3> x, const RopeAngles& angles, RopeLayout layout) {
  const int64_t pairs = angles.cos.extent(1);
  LEVIN_CHECK(angles.cos.extents() == angles.sin.extents());
  LEVIN_CHECK(angles.cos.extent(0) == x.extent(0));
  LEVIN_CHECK(x.extent(2) >= 2 * pairs);
  const auto rotate =
      layout == RopeLayout::kInterleaved ? ctx.table().rotate_pairs : ctx.table().rotate_halves;
  for_each_row(ctx, x.extent(0), x.extent(1) * 2 * pairs, [&](int64_t token) {
    for (int64_t head = 0; head < x.extent(1); ++head) {
      rotate(x.row(token, head), angles.cos.row(token), angles.sin.row(token), pairs);
    }
  });
}

}  // namespace levin::kernels
