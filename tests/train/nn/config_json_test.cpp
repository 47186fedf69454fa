// The config.json that the trainer writes.
#include "train/nn/config_json.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "golden_case.h"
#include "tiny_model.h"

namespace levin::train::nn {
namespace {

TEST(TrainConfigJson, WritesWhatParsesBackToTheSameText) {
  for (const std::string& name : testing::all_case_names()) {
    const model::Config config = model::load_config(testing::golden_folder(name));
    const std::string text = config_json(config, "float32");
    const model::Config again = model::parse_config(text, name);
    EXPECT_EQ(config_json(again, "float32"), text) << name;
    EXPECT_EQ(again.softmax_scale(), config.softmax_scale()) << name;
    EXPECT_EQ(again.topk_method, config.topk_method) << name;
    EXPECT_EQ(again.is_full_indexer_layer, config.is_full_indexer_layer) << name;
    EXPECT_EQ(again.eos_token_ids, config.eos_token_ids) << name;
    EXPECT_FALSE(again.has_fp8_weights) << name;
  }
}

TEST(TrainConfigJson, KeepsWhichLayersShareASelection) {
  model::Config config = testing::tiny_sparse_config(6);
  config.is_full_indexer_layer[1] = false;
  const model::Config again = model::parse_config(config_json(config, "float32"), "config");
  EXPECT_EQ(again.is_full_indexer_layer, config.is_full_indexer_layer);
}

TEST(TrainConfigJson, ADenseModelBecomesASparseOne) {
  const model::Config sparse = with_indexer(testing::tiny_dense_config(), 2, 128, 16);
  EXPECT_EQ(sparse.model_type, "deepseek_v32");
  EXPECT_EQ(sparse.indexer.index_topk, 16);
  EXPECT_EQ(sparse.is_full_indexer_layer.size(), 3U);
}

TEST(TrainConfigJson, RefusesAnIndexerThatTheEngineWouldRefuse) {
  const model::Config dense = testing::tiny_dense_config();
  EXPECT_THROW(with_indexer(dense, 2, 100, 16), base::Error);  // no power of two
  EXPECT_THROW(with_indexer(testing::tiny_sparse_config(6), 2, 128, 16), base::Error);
  EXPECT_THROW(with_indexer(model::load_config(testing::golden_folder("v2-lite")), 2, 128, 16),
               base::Error);
  model::Config uncompressed = dense;
  uncompressed.q_lora_rank = 0;
  EXPECT_THROW(with_indexer(uncompressed, 2, 128, 16), base::Error);
}

}  // namespace
}  // namespace levin::train::nn
