#include "model/weights_int8.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"
#include "base/float_formats.h"
#include "base/integers.h"

namespace levin::model {
namespace {

using tensor::kInt8GroupSize;

constexpr int64_t kTaskSourceBytes = int64_t{1} << 20;
constexpr float kMaxF16 = 65504.0F;
constexpr float kMaxCode = 127.0F;

int64_t groups_of(int64_t cols) { return base::ceil_div(cols, kInt8GroupSize); }

/// Some rows of one matrix.
struct RowTask {
  const MatrixSlot* slot = nullptr;
  WeightMatrix source;  // the rows in their mapped form
  int8_t* codes = nullptr;
  base::F16* scales = nullptr;
};

/// Float16 scale of a group; below the smallest float16 it stays that number, so that small
/// weights keep small errors.
base::F16 group_scale(float amax) noexcept {
  base::F16 scale = base::to_f16(amax / kMaxCode);
  if (amax > (kMaxCode + 0.5F) * base::to_f32(scale)) {
    ++scale.bits;
  }
  return scale;
}

void encode_rows(const RowTask& task) {
  const int64_t cols = task.source.cols;
  std::vector<float> row(static_cast<size_t>(cols));
  for (int64_t row_idx = 0; row_idx < task.source.rows; ++row_idx) {
    tensor::decode_row(task.source, row_idx, row.data());
    if (!encode_int8_row(row, task.codes + row_idx * cols,
                         task.scales + row_idx * groups_of(cols))) {
      base::throw_error(base::ErrorCode::kInvalidFile, task.slot->name,
                        "row {} holds a weight that is not finite or too large for int8",
                        task.source.first_row + row_idx);
    }
  }
}

/// Takes memory for the int8 form of a matrix, appends the tasks that fill it, and points the
/// matrix there.
void split_into_tasks(const MatrixSlot& slot, WeightsArena& arena, std::vector<RowTask>& tasks) {
  WeightMatrix& matrix = *slot.matrix;
  const int64_t groups = groups_of(matrix.cols);
  std::byte* const codes = arena.take(matrix.rows * matrix.cols);
  auto* const scales = reinterpret_cast<base::F16*>(
      arena.take(matrix.rows * groups * static_cast<int64_t>(sizeof(base::F16))));
  const int64_t rows_per_task = std::max<int64_t>(1, kTaskSourceBytes / matrix.row_bytes());
  for (int64_t begin = 0; begin < matrix.rows; begin += rows_per_task) {
    tasks.push_back({&slot, matrix.slice_rows(begin, std::min(rows_per_task, matrix.rows - begin)),
                     reinterpret_cast<int8_t*>(codes) + begin * matrix.cols,
                     scales + begin * groups});
  }
  matrix = WeightMatrix{.format = tensor::WeightFormat::kInt8Group,
                        .rows = matrix.rows,
                        .cols = matrix.cols,
                        .data = codes,
                        .group_scales = scales};
}

/// Drops mapped pages from memory; they come back from the file if they are read again.
void release_pages(const std::byte* data, int64_t bytes) {
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const uintptr_t into_page = reinterpret_cast<uintptr_t>(data) % page;
  ::madvise(const_cast<std::byte*>(data) - into_page, static_cast<size_t>(bytes) + into_page,
            MADV_DONTNEED);
}

}  // namespace

bool encode_int8_row(std::span<const float> row, int8_t* codes, base::F16* scales) {
  for (size_t begin = 0; begin < row.size(); begin += kInt8GroupSize) {
    const auto group = row.subspan(begin, std::min<size_t>(kInt8GroupSize, row.size() - begin));
    float amax = 0;
    bool is_finite = true;
    for (const float weight : group) {
      amax = std::max(amax, std::fabs(weight));
      is_finite &= std::fabs(weight) <= std::numeric_limits<float>::max();
    }
    if (!is_finite || amax > kMaxCode * kMaxF16) {
      return false;
    }
    const base::F16 scale = group_scale(amax);
    const float divisor = amax > 0 ? base::to_f32(scale) : 1.0F;
    for (size_t i = 0; i < group.size(); ++i) {
      const float code = std::nearbyint(group[i] / divisor);
      codes[begin + i] = static_cast<int8_t>(std::clamp(code, -kMaxCode, kMaxCode));
    }
    scales[begin / kInt8GroupSize] = scale;
  }
  return true;
}

int64_t int8_source_bytes(std::span<const MatrixSlot> slots) {
  int64_t bytes = 0;
  for (const MatrixSlot& slot : slots) {
    bytes += slot.matrix->rows * slot.matrix->row_bytes();
  }
  return bytes;
}

int64_t plan_int8(std::span<const MatrixSlot> slots, WeightsArena& arena) {
  int64_t bytes = 0;
  for (const MatrixSlot& slot : slots) {
    const int64_t code_bytes = slot.matrix->rows * slot.matrix->cols;
    const int64_t scale_bytes =
        slot.matrix->rows * groups_of(slot.matrix->cols) * static_cast<int64_t>(sizeof(base::F16));
    arena.plan(code_bytes);
    arena.plan(scale_bytes);
    bytes += code_bytes + scale_bytes;
  }
  return bytes;
}

void encode_int8_matrices(std::span<const MatrixSlot> slots, WeightsArena& arena,
                          base::ThreadPool& pool, const LoadOptions& options,
                          LoadProgress& progress) {
  std::vector<RowTask> tasks;
  for (const MatrixSlot& slot : slots) {
    split_into_tasks(slot, arena, tasks);
  }
  run_load_tasks(
      pool, static_cast<int64_t>(tasks.size()), options, progress,
      [&](int64_t task_idx) { encode_rows(tasks[static_cast<size_t>(task_idx)]); },
      [&](int64_t task_idx) {
        const WeightMatrix& source = tasks[static_cast<size_t>(task_idx)].source;
        const int64_t bytes = source.rows * source.row_bytes();
        release_pages(source.data, bytes);
        return bytes;
      });
}

}  // namespace levin::model
