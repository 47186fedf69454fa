#include "kernels/avx512/functions.h"
#include "kernels/op_table.h"

namespace levin::kernels::avx512 {

const OpTable& table() {
  static constexpr OpTable kTable = {
      .name = "avx512",
      .matmul = matmul,
      .attention_tile = attention_tile,
      .pack_queries = pack_queries,
      .index_scores_page = index_scores_page,
      .append_above = append_above,
      .quantize_index_row = quantize_index_row,
      .f32_to_bf16 = f32_to_bf16,
      .rms_norm = rms_norm,
      .layer_norm = layer_norm,
      .silu_mul = silu_mul,
      .add_scaled = add_scaled,
      .rotate_pairs = rotate_pairs,
      .rotate_halves = rotate_halves,
      .read_sum = read_sum,
      .dot_rate_work = dot_rate_work,
  };
  return kTable;
}

}  // namespace levin::kernels::avx512
