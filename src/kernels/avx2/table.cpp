#include "kernels/avx2/functions.h"
#include "kernels/op_table.h"
#include "kernels/ref/functions.h"

namespace levin::kernels::avx2 {

const OpTable& table() {
  static constexpr OpTable kTable = {
      .name = "avx2",
      .matmul = ref::matmul,
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
      .read_sum = ref::read_sum,
      .dot_rate_work = ref::dot_rate_work,
  };
  return kTable;
}

}  // namespace levin::kernels::avx2
