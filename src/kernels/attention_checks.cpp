#include "kernels/attention_checks.h"

#include "base/error.h"
#include "kernels/op_table.h"

namespace levin::kernels {

void check_tile_dims(int64_t qk_dim, int64_t v_dim) {
  if (qk_dim + v_dim > kAttentionTileDims) {
    base::throw_error(base::ErrorCode::kUnsupported, "attention",
                      "keys of {} and values of {} numbers: together at most {} are supported",
                      qk_dim, v_dim, kAttentionTileDims);
  }
}

}  // namespace levin::kernels
