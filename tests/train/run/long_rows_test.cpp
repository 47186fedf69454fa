// Rows of 16,384 tokens of a model as wide as that of recipes/mini, in every kind of stage.

#include <gtest/gtest.h>

#include <fstream>

#include "formats/temporary_folder.h"
#include "train/run/run_folder.h"
#include "train/run/small_recipe.h"
#include "train/run/train_process.h"

namespace levin::train::run {
namespace {

using levin::testing::small_data_section;
using levin::testing::TemporaryFolder;
using levin::testing::train;
using levin::testing::TrainResult;

constexpr const char* kLongRecipe = R"(
[indexer]
index_n_heads = 4
index_head_dim = 128
index_topk = 256

[defaults]
row_tokens = 16384
tokens_per_step = 16384
max_steps = 1
[defaults.sample]
document_tokens_min = 16385
document_tokens_max = 16385
facts_max = 32
questions_max = 32

[[stage]]
name = "D"

[[stage]]
name = "W"
kind = "warmup"

[[stage]]
name = "S"
kind = "sparse"
)";

/// So all four layers of recipes/mini train in less than 8 GiB: what a step holds once counts
/// twice.
TEST(LongRowsSlow, HalfOfTheLayersTrainInLessThan4GiB) {
  const TemporaryFolder folder;
  const std::string recipe = folder.file("long.toml");
  std::ofstream(recipe) << mini_sized_model(
                               "first_k_dense_replace = 1\nmax_position_embeddings = 16384\n"
                               "tied_input_scale = 20.0\n")
                        << kLongRecipe << small_data_section();
  const TrainResult result =
      train({"run", recipe, "--out", folder.file("run"), "--set", "model.num_hidden_layers=2"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(read_metrics(metrics_path(folder.file("run"))).size(), 3U);
  EXPECT_LT(result.peak_memory_bytes, int64_t{4} << 30);
  RecordProperty("peak_mib", static_cast<int>(result.peak_memory_bytes >> 20));
}

}  // namespace
}  // namespace levin::train::run
