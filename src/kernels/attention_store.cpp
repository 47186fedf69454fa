// Writing latent rows to the cache.
#include <cstring>

#include "base/error.h"
#include "base/integers.h"
#include "kernels/attention.h"

namespace levin::kernels {

void store_latent_rows(Context& ctx, TensorView<const float, 2> rows, const KvLayerView& kv,
                       int64_t first_pos) {
  const KvLayout& layout = *kv.layout;
  LEVIN_CHECK(rows.extent(1) == layout.kv_row_dim);
  LEVIN_CHECK(layout.latent_bytes == 2 || layout.latent_bytes == 4);
  constexpr int64_t kTaskRows = 32;
  const int64_t tasks = base::ceil_div(rows.extent(0), kTaskRows);
  ctx.pool().parallel_for(tasks, [&](int64_t task_idx, int /*thread_idx*/) {
    for (int64_t i = task_idx * kTaskRows; i < rows.extent(0) && i < (task_idx + 1) * kTaskRows;
         ++i) {
      std::byte* row = kv.latent_row(first_pos + i);
      if (layout.latent_bytes == 2) {
        ctx.table().f32_to_bf16(rows.row(i), reinterpret_cast<Bf16*>(row), layout.kv_row_dim);
      } else {
        std::memcpy(row, rows.row(i), static_cast<size_t>(layout.row_bytes()));
      }
    }
  });
}

}  // namespace levin::kernels
