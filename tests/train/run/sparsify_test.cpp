// levin-train sparsify: whose tokenizer reads the text, what a kill loses, what is said before.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "formats/checkpoint_files.h"
#include "formats/temporary_folder.h"
#include "train/data/build_data.h"
#include "train/nn/config_json.h"
#include "train/run/sparsify_needs.h"
#include "train/run/train_process.h"

namespace levin::train::run {
namespace {

namespace fs = std::filesystem;

using levin::testing::file_bytes;
using levin::testing::make_dense_model;
using levin::testing::run_program;
using levin::testing::small_data_folder;
using levin::testing::TemporaryFolder;
using levin::testing::train;
using levin::testing::TrainOptions;
using levin::testing::TrainResult;
using ::testing::HasSubstr;

class SparsifySlow : public ::testing::Test {
 protected:
  SparsifySlow() : dense_(make_dense_model(folder_.path())) {}

  TrainResult sparsify(const std::string& data, const std::string& out,
                       const std::vector<std::string>& more = {}, const TrainOptions& how = {}) {
    std::vector<std::string> args = {
        "sparsify",         dense_, "--data", data, "--out",         out,
        "--row-tokens",     "128",  "--topk", "16", "--index-heads", "2",
        "--index-head-dim", "32"};
    args.insert(args.end(), more.begin(), more.end());
    return train(args, how);
  }

  void expect_engine_runs(const std::string& model) {
    EXPECT_THAT(file_bytes(model + "/config.json"), HasSubstr("DeepseekV32ForCausalLM"));
    const TrainResult answer =
        run_program(LEVIN_BINARY, {"generate", model, "--prompt", "The", "--max-tokens", "3"});
    EXPECT_EQ(answer.exit_code, 0) << answer.err;
  }

  TemporaryFolder folder_;
  std::string dense_;
};

TEST_F(SparsifySlow, ReadsPlainTextWithTheModelsOwnTokenizer) {
  std::string text;
  for (int line = 0; line < 300; ++line) {
    text += "Line " + std::to_string(line) + " of a text that nobody made for this model.\n";
  }
  std::ofstream(folder_.file("text.txt")) << text;
  const std::string foreign = folder_.file("sparse.part/notes.txt");
  fs::create_directory(folder_.file("sparse.part"));
  std::ofstream(foreign) << "mine";
  const TrainResult result =
      sparsify(folder_.file("text.txt"), folder_.file("sparse"), {"--steps", "4"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(file_bytes(foreign), "mine");
  EXPECT_THAT(result.err, HasSubstr("plain text of " + folder_.file("text.txt")));
  expect_engine_runs(folder_.file("sparse"));
}

TEST_F(SparsifySlow, ReadsTheBooksOfDataWithAnotherTokenizer) {
  const std::string other = folder_.file("other-data");
  (void)data::build_data(
      {.recipe = "other", .corpus_folder = std::string(data::kMadeUpCorpus), .vocab_size = 600},
      other);
  const TrainResult result = sparsify(other, folder_.file("sparse"), {"--steps", "4"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("whose tokenizer is not the model's"));
  EXPECT_EQ(file_bytes(folder_.file("sparse/tokenizer.json")),
            file_bytes(dense_ + "/tokenizer.json"));
  expect_engine_runs(folder_.file("sparse"));
}

TEST_F(SparsifySlow, KeepsTheFp8WeightsOfTheDenseModel) {
  const std::string fp8 = folder_.file("fp8");
  const TrainResult made =
      run_program(LEVIN_BINARY, {"synth", dense_ + "/config.json", "--out", fp8, "--dtype", "fp8"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  for (const char* file : {"/tokenizer.json", "/tokenizer_config.json"}) {
    fs::copy_file(dense_ + file, fp8 + file);
  }
  dense_ = fp8;
  const TrainResult result =
      sparsify(small_data_folder(), folder_.file("sparse"), {"--steps", "2"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(file_bytes(folder_.file("sparse/config.json")), HasSubstr("quantization_config"));
  expect_engine_runs(folder_.file("sparse"));
}

std::vector<std::string> file_names(const std::string& folder) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

TEST_F(SparsifySlow, AKillLosesTheLayerInWorkAloneAndTheResultHasTheSameBits) {
  const std::vector<std::string> steps = {"--steps", "150"};
  const std::vector<std::string> resumed = {"--steps", "150", "--resume"};
  const std::string whole = folder_.file("whole");
  ASSERT_EQ(sparsify(small_data_folder(), whole, steps).exit_code, 0);
  for (const int signal : {SIGKILL, SIGINT}) {
    const std::string out = folder_.file("signal-" + std::to_string(signal));
    const std::string part = out + ".sparsify-part";
    const TrainResult stopped = sparsify(
        small_data_folder(), out, resumed,
        {.kill_signal = signal, .kill_when = [&] { return fs::exists(part + "/sparsify.json"); }});
    EXPECT_EQ(stopped.exit_code, signal == SIGKILL ? 128 + SIGKILL : 130) << stopped.err;
    EXPECT_FALSE(fs::exists(out));
    EXPECT_TRUE(fs::exists(part + "/indexer-layer-0000.safetensors"));
    EXPECT_FALSE(fs::exists(part + "/indexer-layer-0001.safetensors")) << "in work";
    if (signal == SIGINT) {
      EXPECT_THAT(stopped.err, HasSubstr("stopped with 1 of 2 layers done; go on with --resume"));
    }
    EXPECT_THAT(sparsify(small_data_folder(), out, steps).err,
                HasSubstr("1 layers of an unfinished sparsify lie here; go on with --resume"));
    EXPECT_THAT(sparsify(small_data_folder(), out, {"--steps", "151", "--resume"}).err,
                HasSubstr("was begun with another --steps"));

    const TrainResult end = sparsify(small_data_folder(), out, resumed);
    ASSERT_EQ(end.exit_code, 0) << end.err;
    EXPECT_THAT(end.err, HasSubstr("resuming after layer 1 of 2"));
    EXPECT_FALSE(fs::exists(part));
    ASSERT_EQ(file_names(out), file_names(whole));
    for (const std::string& name : file_names(whole)) {
      EXPECT_EQ(file_bytes((fs::path(out) / name).string()),
                file_bytes((fs::path(whole) / name).string()))
          << name;
    }
  }
  EXPECT_THAT(sparsify(small_data_folder(), whole, resumed).err, HasSubstr("done already"));
  EXPECT_EQ(sparsify(small_data_folder(), whole, steps).exit_code, 2) << "is there already";
}

TEST_F(SparsifySlow, AFullDiskBeforeTheFirstLayerLeavesNothing) {
  const std::string out = folder_.file("sparse");
  // The hidden states of a few rows fit, those of all rows do not.
  const TrainResult full =
      sparsify(small_data_folder(), out, {"--steps", "30"}, {.file_size_bytes = 5 * 128 * 32 * 4});
  EXPECT_EQ(full.exit_code, 6) << full.err;
  EXPECT_THAT(full.err, HasSubstr("File too large"));
  EXPECT_FALSE(fs::exists(out));
  EXPECT_FALSE(fs::exists(out + ".sparsify-part"));
}

TEST_F(SparsifySlow, SaysWhatItNeedsAndRefusesWhatCannotFit) {
  const formats::CheckpointFiles files(dense_);
  const model::Config sparse = nn::with_indexer(model::load_config(dense_), 2, 32, 16);
  const SparsifyNeeds needs = sparsify_needs(files, sparse, 1000, 128);
  EXPECT_GT(needs.disk_bytes, 2 * 1000 * 128 * 32 * 4);
  EXPECT_LT(needs.disk_bytes, 2 * 1000 * 128 * 32 * 4 + (1 << 20));
  EXPECT_GT(sparsify_needs(files, sparse, 1000, 1 << 20).memory_bytes, needs.memory_bytes);
  EXPECT_THAT(require_room(needs, needs.memory_bytes, needs.disk_bytes, 0, "out"),
              HasSubstr("of disk"));
  EXPECT_NO_THROW((void)require_room(needs, 0, needs.disk_bytes / 2, needs.disk_bytes, "out"))
      << "resumed: it is there already";
  const auto complaint = [&](int64_t memory, int64_t disk) -> std::string {
    try {
      return require_room(needs, memory, disk, 0, "out");
    } catch (const base::Error& error) {
      return error.what();
    }
  };
  EXPECT_THAT(complaint(needs.memory_bytes - 1, needs.disk_bytes), HasSubstr("lower --row-tokens"));
  EXPECT_THAT(complaint(needs.memory_bytes, needs.disk_bytes - 1), HasSubstr("another disk"));

  const TrainResult small = sparsify(small_data_folder(), folder_.file("sparse"), {"--steps", "2"});
  EXPECT_THAT(small.err, HasSubstr("of memory ("));
  EXPECT_LT(small.err.find("of memory ("), small.err.find("layer 1 of 2: KL"));
}

}  // namespace
}  // namespace levin::train::run
