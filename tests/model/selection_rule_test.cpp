// The patterns that are compared with the indexer, against their definitions.
#include "model/selection_rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "model/config.h"
#include "model/forward.h"

namespace levin::model {
namespace {

using ::testing::ElementsAre;
using ::testing::IsSupersetOf;

constexpr SelectionKind kPatterns[] = {SelectionKind::kRecency, SelectionKind::kSinkWindow,
                                       SelectionKind::kStrided, SelectionKind::kFixed,
                                       SelectionKind::kRandom};

std::vector<int32_t> pattern(SelectionKind kind, int64_t position, int64_t budget,
                             uint64_t seed = 0, int64_t layer_idx = 0) {
  std::vector<int32_t> positions(static_cast<size_t>(budget), -1);
  const int64_t count =
      write_pattern({.kind = kind, .budget = 0, .seed = seed}, layer_idx, position, positions);
  positions.resize(static_cast<size_t>(count));
  return positions;
}

std::vector<int32_t> range(int32_t first, int32_t last) {
  std::vector<int32_t> positions;
  for (int32_t pos = first; pos <= last; ++pos) {
    positions.push_back(pos);
  }
  return positions;
}

TEST(Patterns, ReadExactlyTheirBudgetInAscendingOrderAndTheQueryItself) {
  for (const SelectionKind kind : kPatterns) {
    for (const int64_t budget : {1, 2, 3, 7, 8, 64, 128}) {
      for (const int64_t position : {0, 1, 5, 62, 63, 64, 127, 128, 129, 1000, 16383}) {
        const std::vector<int32_t> positions = pattern(kind, position, budget);
        SCOPED_TRACE(std::string(selection_kind_name(kind)) + " " + std::to_string(budget) + " " +
                     std::to_string(position));
        EXPECT_EQ(std::ssize(positions), std::min(budget, position + 1));
        EXPECT_EQ(std::ranges::adjacent_find(positions, std::ranges::greater_equal()),
                  positions.end());
        EXPECT_GE(positions.front(), 0);
        EXPECT_EQ(positions.back(), position);
      }
    }
  }
}

TEST(Patterns, ReadEverythingUpToTheirBudget) {
  for (const SelectionKind kind : kPatterns) {
    EXPECT_EQ(pattern(kind, 0, 16), range(0, 0));
    EXPECT_EQ(pattern(kind, 9, 16), range(0, 9));
    EXPECT_EQ(pattern(kind, 15, 16), range(0, 15));
    EXPECT_NE(pattern(kind, 16, 16), range(0, 16));
  }
}

TEST(Recency, ReadsTheLastPositions) {
  EXPECT_EQ(pattern(SelectionKind::kRecency, 100, 8), range(93, 100));
}

TEST(SinkWindow, ReadsTheFirstFourAndTheLast) {
  EXPECT_THAT(pattern(SelectionKind::kSinkWindow, 100, 8),
              ElementsAre(0, 1, 2, 3, 97, 98, 99, 100));
  EXPECT_THAT(pattern(SelectionKind::kSinkWindow, 100, 5), ElementsAre(0, 1, 98, 99, 100));
  EXPECT_THAT(pattern(SelectionKind::kSinkWindow, 100, 1), ElementsAre(100));
}

TEST(Strided, ReadsEveryStrideBackFromTheQueryAndAWindowOfOneStride) {
  // 100 visible, budget 25: stride 5 takes 20 and leaves a window of 5; stride 4 takes all 25.
  const std::vector<int32_t> positions = pattern(SelectionKind::kStrided, 99, 25);
  std::vector<int32_t> grid;
  for (int32_t pos = 99; pos >= 0; pos -= 5) {
    grid.push_back(pos);
  }
  EXPECT_THAT(positions, IsSupersetOf(grid));
  EXPECT_THAT(positions, IsSupersetOf(range(95, 99)));
}

TEST(Strided, SpendsHalfWhereNoStrideLeavesAWindow) {
  // 1000 visible, budget 8: l + 1000 / l exceeds 8 for every l; half of 8 is one in 250.
  const std::vector<int32_t> positions = pattern(SelectionKind::kStrided, 999, 8);
  EXPECT_THAT(positions, IsSupersetOf({249, 499, 749, 999}));
  EXPECT_THAT(positions, IsSupersetOf(range(995, 999)));
}

TEST(Fixed, ReadsTheLastColumnsOfEachBlockAndTheCurrentBlock) {
  // 50 visible, budget 16: blocks of 8, 8 * 8 / 50 = 1 column; the query's block begins at 48.
  const std::vector<int32_t> positions = pattern(SelectionKind::kFixed, 49, 16);
  EXPECT_THAT(positions, IsSupersetOf({7, 15, 23, 31, 39, 47}));
  EXPECT_THAT(positions, IsSupersetOf({48, 49}));
}

TEST(Fixed, HasBroaderColumnsWhereTheBudgetAllows) {
  // 40 visible, budget 32: blocks of 16, 16 * 16 / 40 = 6 columns.
  const std::vector<int32_t> positions = pattern(SelectionKind::kFixed, 39, 32);
  EXPECT_THAT(positions, IsSupersetOf(range(10, 15)));
  EXPECT_THAT(positions, IsSupersetOf(range(26, 31)));
}

TEST(Fixed, HasLongerBlocksWhereOneColumnTakesTooMuch) {
  // 1000 visible, budget 8: four blocks of 250.
  EXPECT_THAT(pattern(SelectionKind::kFixed, 999, 8), IsSupersetOf({249, 499, 749, 999}));
}

TEST(Random, IsAFunctionOfSeedLayerAndPosition) {
  const auto draw = [](uint64_t seed, int64_t layer_idx, int64_t position) {
    return pattern(SelectionKind::kRandom, position, 32, seed, layer_idx);
  };
  EXPECT_EQ(draw(1, 2, 999), draw(1, 2, 999));
  EXPECT_NE(draw(1, 2, 999), draw(2, 2, 999));
  EXPECT_NE(draw(1, 2, 999), draw(1, 3, 999));
  EXPECT_NE(draw(1, 2, 999), draw(1, 2, 1000));
}

TEST(Random, DrawsEveryEarlierPositionEquallyOften) {
  constexpr int64_t kPosition = 63;
  constexpr int64_t kBudget = 22;  // 21 of 63: a third
  constexpr int kSeeds = 3000;
  std::vector<int> counts(kPosition, 0);
  for (int seed = 0; seed < kSeeds; ++seed) {
    for (const int32_t pos :
         pattern(SelectionKind::kRandom, kPosition, kBudget, static_cast<uint64_t>(seed))) {
      if (pos < kPosition) {
        ++counts[static_cast<size_t>(pos)];
      }
    }
  }
  const auto [least, most] = std::ranges::minmax(counts);
  EXPECT_GT(least, 1000 - 130);  // five standard deviations
  EXPECT_LT(most, 1000 + 130);
}

Config dense_config() {
  Config config;
  config.model_type = "deepseek_v3";
  config.max_position_embeddings = 4096;
  return config;
}

Config sparse_config() {
  Config config = dense_config();
  config.indexer.index_topk = 128;
  config.indexer.index_n_heads = 4;
  config.indexer.index_head_dim = 128;
  return config;
}

TEST(SelectionBudget, IsTheRulesOwnOrTheCheckpoints) {
  EXPECT_EQ(selection_budget(sparse_config(), {}), 128);
  EXPECT_EQ(
      selection_budget(sparse_config(), {.kind = SelectionKind::kIndexer, .budget = 64, .seed = 0}),
      64);
  EXPECT_EQ(selection_budget(sparse_config(),
                             {.kind = SelectionKind::kIndexer, .budget = 5000, .seed = 0}),
            4096)
      << "no more than a context";
}

TEST(ReadsSelection, WantsABudgetForAPattern) {
  ForwardOptions options;
  options.selection.kind = SelectionKind::kRecency;
  EXPECT_THROW((void)reads_selection(dense_config(), options), base::Error);
  options.selection.budget = 64;
  EXPECT_TRUE(reads_selection(dense_config(), options));
  EXPECT_FALSE(runs_indexer(dense_config(), options));
  EXPECT_EQ(kv_layout(sparse_config(), options).index_head_dim, 0) << "no keys for a pattern";
  options.attention = AttentionMode::kDense;
  EXPECT_FALSE(reads_selection(dense_config(), options));
}

}  // namespace
}  // namespace levin::model
