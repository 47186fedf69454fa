// What counts in the estimate of a step's memory, and what does not.
#include "model/activation_memory.h"

#include <gtest/gtest.h>

#include <string>

#include "base/files.h"

namespace levin::model {
namespace {

constexpr StepSize kSparseStep{.is_sparse = true,
                               .selection_budget = 64,
                               .threads = 2,
                               .tokens = 2048,
                               .context_tokens = 131072};

/// One dense layer and one of experts.
Config mixed_config() {
  return parse_config(base::read_file(std::string(LEVIN_TEST_DATA) + "/configs/tiny.json", 1 << 20),
                      "tiny.json");
}

/// Whether the estimate grows when `field` is made ten times wider.
bool counts(const Config& config, int64_t Config::*field, const StepSize& size) {
  Config wider = config;
  wider.*field *= 10;
  return activation_bytes(wider, size) > activation_bytes(config, size);
}

TEST(ActivationMemory, DenseWidthCountsOnlyWhereALayerIsDense) {
  Config config = mixed_config();
  EXPECT_TRUE(counts(config, &Config::intermediate_size, kSparseStep));
  config.first_k_dense_replace = 0;
  EXPECT_FALSE(counts(config, &Config::intermediate_size, kSparseStep));
  StepSize reference = kSparseStep;
  reference.numerics = kernels::Numerics::kReference;
  reference.context_tokens = 2048;
  EXPECT_FALSE(counts(config, &Config::intermediate_size, reference));
}

TEST(ActivationMemory, ExpertWidthCountsOnlyWhereALayerHasExperts) {
  Config config = mixed_config();
  EXPECT_TRUE(counts(config, &Config::moe_intermediate_size, kSparseStep));
  EXPECT_TRUE(counts(config, &Config::num_experts_per_tok, kSparseStep));
  config.first_k_dense_replace = config.num_hidden_layers;
  EXPECT_FALSE(counts(config, &Config::moe_intermediate_size, kSparseStep));
  EXPECT_FALSE(counts(config, &Config::num_experts_per_tok, kSparseStep));
}

TEST(ActivationMemory, SharedExpertsWidenOnlyTheirOwnRows) {
  Config config = mixed_config();
  config.first_k_dense_replace = 0;
  const int64_t one = activation_bytes(config, kSparseStep);
  config.n_shared_experts = 2;
  const int64_t two = activation_bytes(config, kSparseStep);
  // Gate and up of a second shared expert, in float32; the largest workspace is the indexer's.
  EXPECT_EQ(two - one, 2 * kSparseStep.tokens * config.moe_intermediate_size * 4);
}

TEST(ActivationMemory, ALongContextCountsOnlyUnderReferenceNumerics) {
  const Config config = mixed_config();
  StepSize longer = kSparseStep;
  longer.context_tokens *= 8;
  EXPECT_EQ(activation_bytes(config, longer), activation_bytes(config, kSparseStep));
  StepSize reference = kSparseStep;
  reference.numerics = kernels::Numerics::kReference;
  const int64_t before = activation_bytes(config, reference);
  reference.context_tokens *= 8;
  EXPECT_GT(activation_bytes(config, reference), 6 * before);
}

TEST(ActivationMemory, EveryRowOfLogitsCounts) {
  const Config config = mixed_config();
  StepSize scored = kSparseStep;
  scored.logits_rows = 128;
  EXPECT_EQ(activation_bytes(config, scored) - activation_bytes(config, kSparseStep),
            127 * config.vocab_size * 4);
}

TEST(ActivationMemory, AnswersTogetherNeedATileOfAbsorbedQueries) {
  const Config config = mixed_config();
  StepSize one = kSparseStep;
  one.is_sparse = false;
  StepSize many = one;
  many.decode_rows = 2048;
  EXPECT_GE(activation_bytes(config, many) - activation_bytes(config, one),
            (kAbsorbedTile - 1) * config.num_attention_heads *
                (config.kv_row_dim() + config.kv_lora_rank) * 4);
  StepSize sparse = kSparseStep;
  sparse.decode_rows = 2048;
  EXPECT_EQ(activation_bytes(config, sparse), activation_bytes(config, kSparseStep));
}

}  // namespace
}  // namespace levin::model
