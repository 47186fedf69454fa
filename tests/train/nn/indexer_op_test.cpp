// indexer_kl, select_top_k and attention_mass_kept against their definitions.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"
#include "op_cases.h"
#include "train/nn/attention_mass.h"
#include "train/nn/indexer_kl.h"
#include "train/nn/select_top_k.h"

namespace levin::train::nn {
namespace {

at::Tensor kl(const OpCase& c, const Selection* selection) {
  return indexer_kl(c.index_q, c.index_k, c.index_weights, c.q, c.k, c.documents, c.scale,
                    selection);
}

TEST(IndexerKlOp, EqualsTheLiteralFormulaAndItsGradients) {
  for (const auto& lengths : kPacks) {
    for (const int64_t topk : {0, 1, 4, 300}) {
      OpCase c = make_case(lengths);
      const Selection selection = choose(c, std::max<int64_t>(topk, 1));
      const bool is_dense = topk == 0;
      const at::Tensor loss = kl(c, is_dense ? nullptr : &selection);
      const at::Tensor wanted = literal_kl(c, is_dense ? causal(c.documents) : selected(selection));
      EXPECT_NEAR(loss.item<double>(), wanted.item<double>(), 1e-9);
      for (const at::Tensor& input : {c.index_q, c.index_k, c.index_weights}) {
        EXPECT_LT(
            largest_difference(gradient_of(loss * 0.5, input), gradient_of(wanted * 0.5, input)),
            1e-10);
      }
    }
  }
}

TEST(IndexerKlOp, GradientsEqualFiniteDifferences) {
  OpCase c = make_case({6, 1, 4});
  const Selection selection = choose(c, 3);
  for (const Selection* kept : {static_cast<const Selection*>(nullptr), &selection}) {
    const auto loss = [&] { return kl(c, kept); };
    for (const at::Tensor& input : {c.index_q, c.index_k, c.index_weights}) {
      EXPECT_LT(largest_difference(gradient_of(loss(), input), difference_of(loss, input)), 1e-7);
    }
  }
}

TEST(IndexerKlOp, GivesTheModelNoGradient) {
  OpCase c = make_case({6, 4});
  kl(c, nullptr).backward();
  EXPECT_FALSE(c.q.grad().defined());
  EXPECT_FALSE(c.k.grad().defined());
  EXPECT_TRUE(c.index_q.grad().defined());
}

TEST(IndexerKlOp, IsZeroWhenOneTokenIsAllThereIs) {
  OpCase c = make_case({1, 1, 1});
  EXPECT_NEAR(kl(c, nullptr).item<double>(), 0, 1e-12);
}

TEST(SelectTopKOp, TakesTheBestTokensOfTheDocument) {
  for (const auto& lengths : kPacks) {
    const OpCase c = make_case(lengths);
    const Selection selection = choose(c, 4);
    const at::Tensor scores = literal_index_scores(c).masked_fill(
        causal(c.documents).logical_not(), -std::numeric_limits<double>::infinity());
    const at::Tensor kept = selected(selection);
    const at::Tensor visible = causal(c.documents).sum(1);
    EXPECT_TRUE(at::equal(kept.sum(1), visible.clamp_max(4)));
    const at::Tensor worst_kept =
        scores.masked_fill(kept.logical_not(), std::numeric_limits<double>::infinity()).amin(1);
    const at::Tensor best_left =
        scores.masked_fill(kept, -std::numeric_limits<double>::infinity()).amax(1);
    EXPECT_TRUE((worst_kept >= best_left - 1e-12).all().item<bool>());
  }
}

TEST(SelectTopKOp, GivesTiesToTheLowerPositionInAscendingOrder) {
  const Documents documents{{0, 3}, 9};
  // Scores of the second document: 0 0 2 0 2 0, so that zeros tie.
  at::Tensor index_k = at::zeros({9, 1});
  index_k[5][0] = 2;
  index_k[7][0] = 2;
  const Selection selection =
      select_top_k(at::ones({9, 1, 1}), index_k, at::ones({9, 1}), documents, 3);
  const at::Tensor wanted = at::tensor({0, -1, -1, 0, 1, -1, 0, 1, 2,  //
                                        3, -1, -1, 3, 4, -1, 3, 4, 5,  //
                                        3, 4,  5,  3, 5, 7,  3, 5, 7},
                                       at::kInt)
                                .view({9, 3});
  EXPECT_TRUE(at::equal(selection.positions, wanted)) << selection.positions;
}

TEST(SelectTopKOp, NeverChoosesANaNBeforeANumber) {
  at::Tensor index_k = at::tensor({1.0F, std::nanf(""), 2.0F, 0.0F}).view({4, 1});
  const Selection selection =
      select_top_k(at::ones({4, 1, 1}), index_k, at::ones({4, 1}), Documents{{0}, 4}, 3);
  EXPECT_TRUE(at::equal(selection.positions[3], at::tensor({0, 2, 3}, at::kInt)));
}

TEST(SelectTopKOp, RejectsAnEmptySelection) {
  const OpCase c = make_case({4});
  EXPECT_THROW((void)choose(c, 0), base::Error);
}

TEST(AttentionMassOp, EqualsTheLiteralShare) {
  const OpCase c = make_case({5, 12, 1});
  const Selection selection = choose(c, 4);
  const at::Tensor probabilities = literal_probabilities(c, causal(c.documents)).mean(0);
  const at::Tensor wanted = probabilities.masked_fill(selected(selection).logical_not(), 0).sum(1);
  const at::Tensor rows = at::tensor({17, 3, 16, 4}, at::kLong);
  const at::Tensor kept = attention_mass_kept(c.q, c.k, selection, c.documents, c.scale, rows);
  EXPECT_LT(largest_difference(kept, wanted.index_select(0, rows)), 1e-12);
  EXPECT_THROW((void)attention_mass_kept(c.q, c.k, selection, c.documents, c.scale,
                                         at::tensor({18}, at::kLong)),
               base::Error);
}

}  // namespace
}  // namespace levin::train::nn
