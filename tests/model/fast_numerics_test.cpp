// `--numerics fast`: close to the official code layer by layer, and equal bits however a sequence
// is cut into chunks, batched and spread over threads.
#include <gtest/gtest.h>

#include <algorithm>

#include "model/golden_case.h"
#include "model/golden_layers.h"

namespace levin::model::testing {
namespace {

/// What this CPU supports. With sanitizers the widest alone: the others take minutes there, and
/// tests/kernels has them all.
kernels::TableList tables_to_test() {
  kernels::TableList tables = kernels::supported_tables();
#ifdef LEVIN_SANITIZED
  tables.tables[0] = tables.tables[tables.count - 1];
  tables.count = 1;
#endif
  return tables;
}

class FastLayers : public ::testing::TestWithParam<std::string> {};

TEST_P(FastLayers, StayWithinTwoPercent) {
  base::ThreadPool pool(2);
  const GoldenCase golden = load_case(GetParam(), pool);
  const FastLayerYardstick yardstick(golden);
  const kernels::TableList tables = tables_to_test();
  for (int i = 0; i < tables.count; ++i) {
    for (const FastLayerError& layer : yardstick.measure(*tables.tables[i])) {
      EXPECT_LE(layer.to_exact, kFastLayerBound)
          << tables.tables[i]->name << " layer " << layer.layer_idx;
      EXPECT_TRUE(layer.is_within_bounds())
          << tables.tables[i]->name << " layer " << layer.layer_idx << ": " << layer.to_golden
          << " to the golden run, where the exact function has " << layer.exact_to_golden;
    }
  }
}

std::string case_name(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Cases, FastLayers, ::testing::ValuesIn(all_case_names()), case_name);

class FastBits : public ::testing::TestWithParam<std::string> {};

TEST_P(FastBits, DoNotDependOnChunksBatchOrThreads) {
  base::ThreadPool pool(1);
  const GoldenCase golden = load_case(GetParam(), pool);
  const std::vector<int32_t> mate(golden.tokens.rbegin(), golden.tokens.rend());
  const kernels::TableList tables = tables_to_test();
  for (int i = 0; i < tables.count; ++i) {
    RunOptions whole;
    whole.table = tables.tables[i];
    const auto want = run(golden, whole).logits;
    for (const int64_t chunk : {1, 7, 64}) {
      RunOptions options = whole;
      options.chunk_tokens = chunk;
      options.threads = 2;
      EXPECT_EQ(run(golden, options).logits, want) << whole.table->name << " chunk " << chunk;
    }
    for (const int64_t chunk : {7, 64}) {
      RunOptions mixed = whole;
      mixed.chunk_tokens = chunk;
      mixed.threads = 2;
      mixed.batch_mate = mate;
      EXPECT_EQ(run(golden, mixed).logits, want) << whole.table->name << " beside, chunk " << chunk;
      mixed.mate_chunk_tokens = 1;
      mixed.mate_comes_first = true;
      EXPECT_EQ(run(golden, mixed).logits, want)
          << whole.table->name << " behind a sequence that decodes, chunk " << chunk;
    }
  }
}

// What the scheduler relies on when it computes an answer again that was preempted.
TEST_P(FastBits, DecodedRowsAreTheSameTogetherAsOneByOne) {
  base::ThreadPool pool(1);
  const GoldenCase golden = load_case(GetParam(), pool);
  const kernels::TableList tables = tables_to_test();
  for (const Numerics numerics : {Numerics::kFast, Numerics::kReference}) {
    for (int i = 0; i < tables.count; ++i) {
      RunOptions one_by_one;
      one_by_one.table = tables.tables[i];
      one_by_one.forward.numerics = numerics;
      one_by_one.prefill_tokens = golden.token_count() / 4;
      RunOptions together = one_by_one;
      together.decode_tokens = golden.token_count() / 3;
      EXPECT_EQ(run(golden, together).logits, run(golden, one_by_one).logits)
          << tables.tables[i]->name;
    }
  }
}

TEST_P(FastBits, SparseEqualsDenseWhileIndexTopkCoversTheContext) {
  base::ThreadPool pool(1);
  const GoldenCase golden = load_case(GetParam(), pool);
  if (!golden.config.is_sparse()) {
    GTEST_SKIP() << "a dense model";
  }
  Config wide = golden.config;
  wide.indexer.index_topk = golden.token_count();
  const kernels::TableList tables = tables_to_test();
  for (int i = 0; i < tables.count; ++i) {
    RunOptions options;
    options.table = tables.tables[i];
    options.forward.attention = AttentionMode::kSparse;
    const auto sparse =
        run(wide, *golden.weights, golden.tokens, golden.prefill_tokens, options).logits;
    options.forward.attention = AttentionMode::kDense;
    const auto dense =
        run(wide, *golden.weights, golden.tokens, golden.prefill_tokens, options).logits;
    EXPECT_EQ(sparse, dense) << options.table->name;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, FastBits, ::testing::ValuesIn(all_case_names()), case_name);

}  // namespace
}  // namespace levin::model::testing
