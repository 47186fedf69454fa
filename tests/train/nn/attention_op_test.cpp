// dense_attention and sparse_attention against their definitions and against finite differences.
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/memory_info.h"
#include "op_cases.h"
#include "train/nn/dense_attention.h"
#include "train/nn/sparse_attention.h"

namespace levin::train::nn {
namespace {

TEST(DenseAttentionOp, EqualsTheLiteralFormulaAndItsGradients) {
  for (const auto& lengths : kPacks) {
    OpCase c = make_case(lengths);
    const at::Tensor output = dense_attention(c.q, c.k, c.v, c.documents, c.scale);
    const at::Tensor wanted = literal_attention(c, causal(c.documents));
    EXPECT_LT(largest_difference(output, wanted), 1e-12);
    const at::Tensor weight = at::randn(output.sizes(), c.v.options().requires_grad(false));
    for (const at::Tensor& input : {c.q, c.k, c.v}) {
      EXPECT_LT(largest_difference(gradient_of((output * weight).sum(), input),
                                   gradient_of((wanted * weight).sum(), input)),
                1e-12);
    }
  }
}

TEST(SparseAttentionOp, EqualsTheLiteralFormulaAndItsGradients) {
  for (const auto& lengths : kPacks) {
    for (const int64_t topk : {1, 4, 300}) {
      OpCase c = make_case(lengths);
      const Selection selection = choose(c, topk);
      const at::Tensor output = sparse_attention(c.q, c.k, c.v, selection, c.documents, c.scale);
      const at::Tensor wanted = literal_attention(c, selected(selection));
      EXPECT_LT(largest_difference(output, wanted), 1e-12);
      const at::Tensor weight = at::randn(output.sizes(), c.v.options().requires_grad(false));
      for (const at::Tensor& input : {c.q, c.k, c.v}) {
        EXPECT_LT(largest_difference(gradient_of((output * weight).sum(), input),
                                     gradient_of((wanted * weight).sum(), input)),
                  1e-12);
      }
    }
  }
}

TEST(SparseAttentionOp, CopiesTheKeysThatABlockSharesWithoutChangingTheResult) {
  OpCase c = make_case({400});
  // Every query takes itself and the first ten tokens: few enough of the 400 to be copied.
  at::Tensor positions = at::full({400, 11}, -1, at::kInt);
  for (int64_t t = 0; t < 400; ++t) {
    const int64_t first = std::min<int64_t>(t, 10);
    for (int64_t i = 0; i < first; ++i) positions[t][i] = i;
    positions[t][first] = t;
  }
  const Selection selection{positions};
  const at::Tensor output = sparse_attention(c.q, c.k, c.v, selection, c.documents, c.scale);
  const at::Tensor wanted = literal_attention(c, selected(selection));
  EXPECT_LT(largest_difference(output, wanted), 1e-12);
  for (const at::Tensor& input : {c.q, c.k, c.v}) {
    EXPECT_LT(largest_difference(gradient_of(output.square().sum(), input),
                                 gradient_of(wanted.square().sum(), input)),
              1e-12);
  }
}

TEST(SparseAttentionOp, IsDenseAttentionWhenTheSelectionHoldsEverything) {
  OpCase c = make_case({9, 140, 9}, at::kFloat);
  const at::Tensor sparse = sparse_attention(c.q, c.k, c.v, choose(c, 140), c.documents, c.scale);
  EXPECT_TRUE(at::equal(sparse, dense_attention(c.q, c.k, c.v, c.documents, c.scale)));
}

TEST(AttentionOp, GradientsEqualFiniteDifferences) {
  OpCase c = make_case({6, 1, 4});
  const Selection selection = choose(c, 2);
  const auto dense = [&] {
    return dense_attention(c.q, c.k, c.v, c.documents, c.scale).sin().sum();
  };
  const auto sparse = [&] {
    return sparse_attention(c.q, c.k, c.v, selection, c.documents, c.scale).sin().sum();
  };
  for (const at::Tensor& input : {c.q, c.k, c.v}) {
    EXPECT_LT(largest_difference(gradient_of(dense(), input), difference_of(dense, input)), 1e-8);
    EXPECT_LT(largest_difference(gradient_of(sparse(), input), difference_of(sparse, input)), 1e-8);
  }
}

TEST(AttentionOp, TakesViewsWithStrides) {
  OpCase c = make_case({6, 4});
  const at::Tensor both = at::cat({c.k, c.v}, -1);  // as kv_b_proj's output
  const at::Tensor output =
      dense_attention(c.q.transpose(0, 1).contiguous().transpose(0, 1), both.narrow(2, 0, 5),
                      both.narrow(2, 5, 3), c.documents, c.scale);
  EXPECT_LT(largest_difference(output, literal_attention(c, causal(c.documents))), 1e-12);
}

TEST(AttentionOp, TakesAnExpandedGradient) {
  OpCase c = make_case({6, 4});
  const at::Tensor output = dense_attention(c.q, c.k, c.v, c.documents, c.scale);
  const at::Tensor wanted = literal_attention(c, causal(c.documents));
  EXPECT_LT(largest_difference(gradient_of(output.sum(0).square().sum(), c.k),
                               gradient_of(wanted.sum(0).square().sum(), c.k)),
            1e-12);
}

TEST(AttentionOp, RepeatsBitForBit) {
  OpCase c = make_case({300, 40, 40}, at::kFloat);
  const Selection selection = choose(c, 32);
  const auto run = [&] {
    const at::Tensor output = sparse_attention(c.q, c.k, c.v, selection, c.documents, c.scale);
    return gradient_of(output.square().sum(), c.k);
  };
  EXPECT_TRUE(at::equal(run(), run()));
}

TEST(AttentionOp, NamesTheTensorThatDoesNotFit) {
  OpCase c = make_case({6});
  try {
    (void)dense_attention(c.q, c.k.narrow(2, 0, 4), c.v, c.documents, c.scale);
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_STREQ(error.what(),
                 "dense_attention: k has shape [6, 3, 4], wanted [6, 3, 5] (-1 is any)");
  }
  EXPECT_THROW((void)dense_attention(c.q, c.k, c.v, Documents{{0}, 5}, c.scale), base::Error);
  EXPECT_THROW((void)dense_attention(c.q, c.k, c.v, Documents{{0, 0}, 6}, c.scale), base::Error);
  EXPECT_THROW((void)dense_attention(c.q, c.k, c.v.to(at::kFloat), c.documents, c.scale),
               base::Error);
}

TEST(AttentionOpSlow, SixteenThousandTokensStayWithinFourBlocks) {
  const int64_t tokens = 16384;
  const Documents documents{{0}, tokens};
  at::Tensor q = at::randn({tokens, 8, 64}).requires_grad_(true);
  at::Tensor k = at::randn({tokens, 8, 64}).requires_grad_(true);
  at::Tensor v = at::randn({tokens, 8, 32}).requires_grad_(true);
  const int64_t before = base::process_memory().peak_resident_bytes;
  const int64_t inputs = (q.numel() + k.numel() + v.numel()) * 4;
  dense_attention(q, k, v, documents, 0.125).sum().backward();
  const int64_t grown = base::process_memory().peak_resident_bytes - before;
  EXPECT_LT(grown, 2 * inputs + (int64_t{256} << 20));
}

}  // namespace
}  // namespace levin::train::nn
