// The rotation of pairs on parts of larger tensors.
#include "train/nn/rotary.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tiny_model.h"

namespace levin::train::nn {
namespace {

TEST(Rotary, APartOfARowTurnsAsItsCopyWhereverItBegins) {
  const model::Config config = testing::tiny_dense_config();
  constexpr int64_t kHeads = 3;
  constexpr int64_t kRowDim = 13;
  for (const int64_t tokens : {1, 5}) {
    const RotaryTable table = make_rotary_table(config, Documents{{0}, tokens}, at::kFloat);
    const at::Tensor rows = at::arange(tokens * kHeads * kRowDim, at::kFloat)
                                .view({tokens, kHeads, kRowDim})
                                .set_requires_grad(true);
    for (const int64_t begin : {4, 5}) {
      const auto turn = [&](bool copies) {
        rows.mutable_grad() = at::Tensor();
        const at::Tensor part = rows.narrow(-1, begin, config.qk_rope_head_dim);
        const at::Tensor turned =
            rotate_pairs(copies ? part.clone(at::MemoryFormat::Contiguous) : part, table);
        turned.square().sum().backward();
        return turned.detach();
      };
      const at::Tensor wanted = turn(/*copies=*/true);
      const at::Tensor wanted_gradient = rows.grad();
      EXPECT_TRUE(at::equal(turn(/*copies=*/false), wanted)) << tokens << " " << begin;
      EXPECT_TRUE(at::equal(rows.grad(), wanted_gradient)) << tokens << " " << begin;
    }
  }
}

}  // namespace
}  // namespace levin::train::nn
