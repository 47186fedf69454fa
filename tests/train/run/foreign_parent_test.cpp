// A checkpoint that somebody else made: `run` and `sparsify` start from it, or say what it is.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "formats/temporary_folder.h"
#include "train/data/build_data.h"
#include "train/data/small_data.h"
#include "train/nn/load.h"
#include "train/run/train_process.h"

namespace levin::train::run {
namespace {

namespace fs = std::filesystem;

using levin::testing::file_bytes;
using levin::testing::last_checkpoint;
using levin::testing::run_program;
using levin::testing::small_data_folder;
using levin::testing::small_data_section;
using levin::testing::TemporaryFolder;
using levin::testing::train;
using levin::testing::TrainResult;
using levin::testing::write_micro_recipe;
using ::testing::HasSubstr;

constexpr int32_t kForeignVocab = 600;

/// A model of another tokenizer than that of the tests' data.
std::string make_foreign_model(const TemporaryFolder& folder) {
  const std::string data = folder.file("foreign-data");
  (void)data::build_data({.recipe = "foreign",
                          .corpus_folder = std::string(data::kMadeUpCorpus),
                          .vocab_size = kForeignVocab},
                         data);
  const std::string run = folder.file("foreign-run");
  const TrainResult trained =
      train({"run", write_micro_recipe(folder.path()), "--out", run, "--set", "data.folder=" + data,
             "--set", "data.vocab_size=" + std::to_string(kForeignVocab)});
  EXPECT_EQ(trained.exit_code, 0) << trained.err;
  std::string model = folder.file("foreign");
  EXPECT_EQ(
      run_program(LEVIN_TRAIN_BINARY, {"export", run, "--out", model, "--stage", "D"}).exit_code,
      0);
  return model;
}

/// A warm-up and a sparse step from `parent`; `data` is the recipe's [data].
std::string write_child(const std::string& path, const std::string& parent,
                        const std::string& data) {
  std::ofstream(path) << "[model]\nparent = \"" << parent << "\"\n"
                      << data
                      << "\n[indexer]\nindex_n_heads = 2\nindex_head_dim = 32\nindex_topk = 16\n"
                         "[defaults]\nrow_tokens = 96\ntokens_per_step = 96\nmax_steps = 1\n"
                         "[defaults.sample]\ndocument_tokens_min = 64\ndocument_tokens_max = 97\n"
                         "[[stage]]\nname = \"W\"\nkind = \"warmup\"\n"
                         "[[stage]]\nname = \"S\"\nkind = \"sparse\"\n";
  return path;
}

TEST(ForeignParentSlow, TrainsOnDataThatWasBuiltWithItsTokenizer) {
  const TemporaryFolder folder;
  const std::string parent = make_foreign_model(folder);
  const std::string data = folder.file("data");
  const std::string recipe = write_child(folder.file("child.toml"), parent,
                                         "[data]\nfolder = \"" + data +
                                             "\"\ncorpus_folder = \"made-up\"\nname = \"child\"\n" +
                                             "tokenizer = \"" + parent + "\"\n");
  const TrainResult built = run_program(LEVIN_TRAIN_BINARY, {"data", "build", recipe});
  ASSERT_EQ(built.exit_code, 0) << built.err;
  EXPECT_EQ(file_bytes(data + "/tokenizer.json"), file_bytes(parent + "/tokenizer.json"));
  const std::string run = folder.file("run");
  const TrainResult trained = train({"run", recipe, "--out", run});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  EXPECT_EQ(nn::load_model(last_checkpoint(run)).config.vocab_size, kForeignVocab);
  EXPECT_EQ(file_bytes(last_checkpoint(run) + "/tokenizer.json"),
            file_bytes(parent + "/tokenizer.json"));
  EXPECT_EQ(train({"run", recipe, "--out", run, "--resume"}).exit_code, 0);

  const TrainResult sparse = train(
      {"sparsify", parent, "--data", data, "--out", folder.file("sparse"), "--steps", "2",
       "--row-tokens", "128", "--index-heads", "2", "--index-head-dim", "32", "--topk", "16"});
  EXPECT_EQ(sparse.exit_code, 0) << sparse.err;
  EXPECT_THAT(sparse.err, HasSubstr("prose and look-up documents of " + data));

  const TrainResult trained_one =
      train({"run", recipe, "--out", folder.file("x"), "--set",
             "data.folder=" + small_data_folder(), "--set", "data.name=small"});
  EXPECT_EQ(trained_one.exit_code, 2);
  EXPECT_THAT(trained_one.err,
              HasSubstr("[data] tokenizer is \"" + parent + "\", but " + small_data_folder() +
                        " was built with a tokenizer of its own"));
}

TEST(ForeignParentSlow, OfAnotherTokenizerIsRefusedWithTheKeyThatHelps) {
  const TemporaryFolder folder;
  const std::string parent = make_foreign_model(folder);
  const std::string recipe = write_child(folder.file("child.toml"), parent, small_data_section());
  const TrainResult refused = train({"run", recipe, "--out", folder.file("run")});
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.err, HasSubstr("this is not the tokenizer of the data"));
  EXPECT_THAT(refused.err, HasSubstr("[data] tokenizer = \"" + parent + "\""));
}

/// `run` and `sparsify` of a model in `parent` end with `exit_code` and `sentence` about it, and
/// make nothing.
void expect_refused(const TemporaryFolder& folder, const std::string& parent, int exit_code,
                    const std::string& of_run, const std::string& of_sparsify) {
  const std::string recipe = write_child(folder.file("child.toml"), parent, small_data_section());
  const TrainResult run = train({"run", recipe, "--out", folder.file("run")});
  EXPECT_EQ(run.exit_code, exit_code);
  EXPECT_THAT(run.err, HasSubstr(of_run));
  EXPECT_FALSE(fs::exists(folder.file("run")));
  const TrainResult sparse = train({"sparsify", parent, "--data", small_data_folder(), "--out",
                                    folder.file("sparse"), "--row-tokens", "64"});
  EXPECT_EQ(sparse.exit_code, exit_code);
  EXPECT_THAT(sparse.err, HasSubstr(of_sparsify));
  EXPECT_FALSE(fs::exists(folder.file("sparse")));
  EXPECT_FALSE(fs::exists(folder.file("sparse.sparsify-part")));
}

TEST(ForeignParent, OfAnUnknownModelTypeIsRefusedByThatAndNotByItsTokenizer) {
  const TemporaryFolder folder;
  const std::string parent = folder.file("llama");
  fs::create_directory(parent);
  std::ofstream(parent + "/config.json")
      << R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama"})";
  const std::string sentence =
      "error: " + parent + "/config.json: model_type is \"llama\", expected one of deepseek_v32, ";
  expect_refused(folder, parent, 5, sentence, sentence);
}

TEST(ForeignParent, OfAFamilyWithoutASparseFormIsRefusedByItsModelType) {
  const TemporaryFolder folder;
  const std::string parent = std::string(LEVIN_TEST_DATA) + "/golden/v2-lite";
  const std::string sentence =
      "no sparse architecture belongs to model_type deepseek_v2; deepseek_v3 or kimi_k2 is "
      "expected";
  expect_refused(folder, parent, 5,
                 "error: " + folder.file("child.toml") + ": [indexer] cannot be added: " + sentence,
                 sentence);
}

}  // namespace
}  // namespace levin::train::run
