// Expanded attention of several chunks in one call: shared pages are expanded once, and no bit of
// any chunk depends on it.
#include <gtest/gtest.h>

#include <algorithm>
#include <span>

#include "kernels/attention.h"
#include "kernels/latent_cache.h"
#include "kernels/paged_cache.h"
#include "kernels/tables.h"

namespace levin::kernels {
namespace {

using tensor::Tensor;
using testing::ExpandWeights;
using testing::expect_same_bits;
using testing::kDims;
using testing::LatentCache;
using testing::random_heads;

/// Sequences that share pages; their chunks together and one by one.
class SharedExpansionTest : public testing::TableTest {
 protected:
  SharedExpansionTest() {
    same_.cache.share_pages(document_.cache, 12);
    part_.cache.share_pages(document_.cache, 10);
    little_.cache.share_pages(document_.cache, 3);
  }

  int64_t expand_together(std::span<const ExpandedChunk> chunks, int threads,
                          Tensor<float, 3>& out) {
    base::ThreadPool pool(threads);
    Context ctx(pool, *table_);
    return expanded_attention(ctx, q_.view(), chunks, weights_.matrix, kDims, out.view());
  }

  /// The bits are those of each chunk alone, and rows of no chunk stay as they are. Returns how
  /// many tokens were expanded.
  int64_t expect_same_as_alone(std::span<const ExpandedChunk> chunks) {
    Tensor<float, 3> alone({kRows, 5, 40});
    Tensor<float, 3> together({kRows, 5, 40});
    std::fill_n(alone.data(), kRows * 5 * 40, -1.0F);
    std::fill_n(together.data(), kRows * 5 * 40, -1.0F);
    for (const ExpandedChunk& chunk : chunks) {
      EXPECT_EQ(expand_together({&chunk, 1}, 1, alone), chunk.first_pos + chunk.tokens);
    }
    const int64_t expanded = expand_together(chunks, 2, together);
    expect_same_bits(together.view(), alone.view(), "together");
    EXPECT_EQ(together.view().row(kRows - 1, 0)[0], -1.0F) << "a row of no chunk was written";
    return expanded;
  }

  static constexpr int64_t kRows = 241;
  LatentCache document_{900, 2, 11};
  LatentCache same_{900, 2, 12};    // its first 12 pages: three blocks
  LatentCache part_{800, 2, 13};    // 10 pages: two blocks, and half of the third
  LatentCache little_{700, 2, 14};  // 3 pages: no block
  ExpandWeights weights_;
  Tensor<float, 3> q_ = random_heads(kRows, 5, 40, 15);
};

TEST_P(SharedExpansionTest, ExpandsWholeSharedBlocksOnce) {
  // Of more and of fewer than a tile's queries; beginning inside a block and at one.
  const ExpandedChunk chunks[] = {{document_.cache.view(), 790, 0, 110},
                                  {same_.cache.view(), 768, 110, 32},
                                  {part_.cache.view(), 770, 142, 1},
                                  {little_.cache.view(), 650, 143, 50}};
  EXPECT_EQ(expect_same_as_alone(chunks), 512 + (900 - 512) + (800 - 512) + (771 - 512) + 700);
}

TEST_P(SharedExpansionTest, LeavesOutWhatAChunkDoesNotReadAsAWhole) {
  const ExpandedChunk in_first_place[] = {{document_.cache.view(), 300, 0, 20},
                                          {same_.cache.view(), 790, 20, 30}};
  EXPECT_EQ(expect_same_as_alone(in_first_place), 256 + (320 - 256) + (820 - 256));
  const ExpandedChunk in_second_place[] = {{same_.cache.view(), 790, 0, 30},
                                           {document_.cache.view(), 767, 30, 1}};
  EXPECT_EQ(expect_same_as_alone(in_second_place), 512 + (820 - 512) + (768 - 512));
}

TEST_P(SharedExpansionTest, SharesWhatAllOfAGroupHave) {
  const ExpandedChunk less_and_more[] = {{document_.cache.view(), 300, 0, 20},
                                         {document_.cache.view(), 790, 20, 3},
                                         {same_.cache.view(), 768, 23, 32}};
  EXPECT_EQ(expect_same_as_alone(less_and_more), 256 + (320 - 256) + (793 - 256) + (800 - 256));
}

TEST_P(SharedExpansionTest, LetsNoChunkSpoilWhatTheOthersShare) {
  const ExpandedChunk chunks[] = {{document_.cache.view(), 790, 0, 3},
                                  {same_.cache.view(), 790, 3, 3},
                                  {part_.cache.view(), 300, 6, 3}};
  // The third one would share a block with the others, but they share three.
  EXPECT_EQ(expect_same_as_alone(chunks), 768 + (793 - 768) + (793 - 768) + 303);
}

TEST_P(SharedExpansionTest, NeedsNeighbouringRows) {
  const ExpandedChunk chunks[] = {{document_.cache.view(), 790, 0, 3},
                                  {same_.cache.view(), 790, 4, 3}};
  EXPECT_EQ(expect_same_as_alone(chunks), 793 + 793);
}

LEVIN_FOR_EACH_TABLE(SharedExpansionTest);

}  // namespace
}  // namespace levin::kernels
