#include "kernels/avx512/functions.h"
#include "kernels/op_table.h"
#include "kernels/ref/functions.h"

namespace levin::kernels::avx512 {

const OpTable& table() {
  static constexpr OpTable kTable = {
      .name = "avx512",
      .matmul = matmul,
      .attention_tile = ref::attention_tile,
      .pack_queries = ref::pack_queries,
      .index_scores_page = ref::index_scores_page,
      .append_above = ref::append_above,
      .quantize_index_row = ref::quantize_index_row,
      .f32_to_bf16 = ref::f32_to_bf16,
      .rms_norm = ref::rms_norm,
      .layer_norm = ref::layer_norm,
      .silu_mul = ref::silu_mul,
      .add_scaled = ref::add_scaled,
      .read_sum = read_sum,
      .dot_rate_work = dot_rate_work,
  };
  return kTable;
}

}  // namespace levin::kernels::avx512
