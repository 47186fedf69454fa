// The commands of levin-train on a micro run.

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>

#include "formats/temporary_folder.h"
#include "plot/xml_elements.h"
#include "train/nn/load.h"
#include "train/run/checkpoint_store.h"
#include "train/run/run_folder.h"
#include "train/run/train_process.h"
#include "train/run/version.h"

namespace levin::train::run {
namespace {

using levin::testing::file_bytes;
using levin::testing::run_program;
using levin::testing::small_data_folder;
using levin::testing::small_data_section;
using levin::testing::TemporaryFolder;
using levin::testing::train;
using levin::testing::TrainResult;
using levin::testing::write_micro_recipe;
using ::testing::HasSubstr;

class TrainCommands : public ::testing::Test {
 protected:
  TrainCommands() : recipe_(write_micro_recipe(folder_.path())), run_(folder_.file("run")) {}

  void SetUp() override {
    const TrainResult result = train({"run", recipe_, "--out", run_});
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }

  TrainResult status() { return run_program(LEVIN_TRAIN_BINARY, {"status", run_}); }

  TemporaryFolder folder_;
  std::string recipe_;
  std::string run_;
};

TEST_F(TrainCommands, ARunGoesThroughItsStagesAndItsModelRunsInTheEngine) {
  const auto steps = read_metrics(metrics_path(run_));
  ASSERT_EQ(steps.size(), 20U);
  EXPECT_EQ(steps[0].kind, "dense");
  EXPECT_TRUE(steps[0].loss.has_value());
  EXPECT_TRUE(steps[0].layer_kl.empty());
  EXPECT_EQ(steps[8].kind, "warmup");
  EXPECT_FALSE(steps[8].loss.has_value());
  EXPECT_EQ(steps[8].layer_kl.size(), 2U);
  EXPECT_EQ(steps[19].kind, "sparse");
  EXPECT_TRUE(steps[19].loss.has_value());
  EXPECT_EQ(steps[19].layer_kl.size(), 2U);
  EXPECT_LT(*steps[19].text_loss, *steps[0].text_loss);
  EXPECT_EQ(steps[19].tokens, 20 * 192);

  const auto checkpoints = list_checkpoints(checkpoints_path(run_));
  const TrainResult answer = run_program(
      LEVIN_BINARY, {"generate", checkpoints.back().path, "--prompt", "The", "--max-tokens", "3"});
  EXPECT_EQ(answer.exit_code, 0) << answer.err;
}

/// Of every layer with experts, in the checkpoint of a step.
std::vector<at::Tensor> expert_biases(const std::string& run, int step) {
  std::vector<at::Tensor> biases;
  for (const nn::LayerWeights& layer :
       nn::load_model(levin::testing::checkpoint_of_step(run, step)).layers) {
    if (const auto* experts = std::get_if<nn::MoeWeights>(&layer.mlp)) {
      biases.push_back(experts->e_score_correction_bias);
    }
  }
  return biases;
}

TEST_F(TrainCommands, ExpertsAreBalancedByTheirBiasExceptInAWarmUp) {
  const std::vector<at::Tensor> dense = expert_biases(run_, 8);
  const std::vector<at::Tensor> warm = expert_biases(run_, 13);
  const std::vector<at::Tensor> sparse = expert_biases(run_, 20);
  ASSERT_EQ(dense.size(), 1U) << "layer 0 has no experts";
  EXPECT_GT(dense[0].abs().max().item<double>(), 0.0);
  EXPECT_LE(dense[0].abs().max().item<double>(), 8 * 1e-3 * 1.001)
      << "8 steps of router_bias_speed";
  EXPECT_TRUE(warm[0].equal(dense[0]));
  EXPECT_FALSE(sparse[0].equal(warm[0]));
}

TEST_F(TrainCommands, StatusTellsStagesCheckpointsAndCurves) {
  const TrainResult result = status();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr(std::string("run of levin-train ") + version()));
  for (const char* expected :
       {"D ", "8/8", "W ", "5/5", "S ", "7/7", "end of stage W", "loss.svg", "indexer_kl.svg"}) {
    EXPECT_THAT(result.out, HasSubstr(expected));
  }
  for (const auto& entry : std::filesystem::directory_iterator(curves_path(run_))) {
    EXPECT_NO_THROW((void)levin::testing::parse_xml(file_bytes(entry.path().string())));
  }
  const TrainResult none = run_program(LEVIN_TRAIN_BINARY, {"status", folder_.path()});
  EXPECT_EQ(none.exit_code, 4);
  EXPECT_THAT(none.err, HasSubstr("no run folder"));
}

TEST_F(TrainCommands, ACheckpointOfAStageThatTheRecipeDoesNotHaveIsRefused) {
  StoredCheckpoint newest = list_checkpoints(checkpoints_path(run_)).back();
  newest.state.stage_idx = 99;
  save_training_state(newest.state, newest.path);
  const TrainResult results[] = {
      train({"run", recipe_, "--out", run_, "--resume"}), status(),
      run_program(LEVIN_TRAIN_BINARY, {"export", run_, "--out", folder_.file("model")})};
  for (const TrainResult& result : results) {
    EXPECT_EQ(result.exit_code, 3);
    EXPECT_THAT(result.err,
                HasSubstr(newest.path + "/training_state.json: stage_idx is 99, but the recipe"));
  }
}

using TrainCommandsSlow = TrainCommands;

TEST_F(TrainCommandsSlow, StatusWorksBesideARunningTrainer) {
  const std::string run = folder_.file("going-on");
  auto trainer = std::async(std::launch::async, [&] {
    return train({"run", recipe_, "--out", run, "--set", "run.checkpoint_steps=1", "--set",
                  "run.keep_last=1", "--set", "run.keep_best=false", "--set",
                  "stage.D.max_steps=150"});
  });
  const auto is_training = [&] {
    return trainer.wait_for(std::chrono::milliseconds(1)) != std::future_status::ready;
  };
  while (is_training() && !std::filesystem::exists(metrics_path(run))) {
  }
  int unfinished = 0;
  while (is_training()) {
    const TrainResult result = run_program(LEVIN_TRAIN_BINARY, {"status", run});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    unfinished += result.out.find("7/7") == std::string::npos ? 1 : 0;
  }
  EXPECT_GT(unfinished, 0);
  EXPECT_EQ(trainer.get().exit_code, 0);
}

TEST_F(TrainCommands, ExportWritesABf16ModelWithoutTrainingState) {
  const std::string out = folder_.file("model");
  const TrainResult result =
      run_program(LEVIN_TRAIN_BINARY, {"export", run_, "--out", out, "--stage", "D"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_FALSE(std::filesystem::exists(out + "/optimizer.safetensors"));
  EXPECT_THAT(file_bytes(out + "/config.json"), HasSubstr("DeepseekV3ForCausalLM"));
  EXPECT_THAT(file_bytes(out + "/config.json"), HasSubstr("bfloat16"));
  EXPECT_EQ(run_program(LEVIN_TRAIN_BINARY, {"export", run_, "--out", out}).exit_code, 2)
      << "a folder that is there is not touched";
  const TrainResult wrong =
      run_program(LEVIN_TRAIN_BINARY, {"export", run_, "--out", out + "2", "--stage", "X"});
  EXPECT_EQ(wrong.exit_code, 4);
  EXPECT_THAT(wrong.err, HasSubstr("end of stage \"X\""));
}

TEST_F(TrainCommands, ExportTakesTheBestCheckpointOfTheNewestStage) {
  const auto checkpoints = list_checkpoints(checkpoints_path(run_));
  const auto set_loss = [](const StoredCheckpoint& checkpoint, double loss) {
    TrainingState state = checkpoint.state;
    state.interval_loss = loss;
    save_training_state(state, checkpoint.path);
  };
  for (const StoredCheckpoint& checkpoint : checkpoints) {
    set_loss(checkpoint, checkpoint.state.step == 18 ? 1.0 : 2.0);
  }
  set_loss(checkpoints.front(), 0.5);  // of an earlier stage
  const auto exported = [&](const std::string& name, const std::vector<std::string>& more) {
    std::vector<std::string> args = {"export", run_, "--out", folder_.file(name)};
    args.insert(args.end(), more.begin(), more.end());
    return run_program(LEVIN_TRAIN_BINARY, args);
  };
  EXPECT_THAT(exported("newest", {}).out, HasSubstr("the model after step 20 (stage S)"));
  EXPECT_THAT(exported("best", {"--best"}).out, HasSubstr("the model after step 18 (stage S)"));
  const TrainResult both = exported("both", {"--best", "--stage", "D"});
  EXPECT_EQ(both.exit_code, 2);
  EXPECT_THAT(both.err, HasSubstr("excludes"));
}

TEST_F(TrainCommands, ExportLeavesTheFoldersOfOthersAlone) {
  const std::string out = folder_.file("model");
  const std::vector<std::string> foreign = {out + ".part/notes.txt",
                                            out + ".sparsify-part/indexer-layer-0000.safetensors",
                                            out + ".data-part/tokenizer.json"};
  for (const std::string& file : foreign) {
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    std::ofstream(file) << "mine";
  }
  std::filesystem::create_directories(out + ".export-part/left-by-a-killed-one");
  const TrainResult result = run_program(LEVIN_TRAIN_BINARY, {"export", run_, "--out", out + "/"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  for (const std::string& file : foreign) {
    EXPECT_EQ(file_bytes(file), "mine") << file;
  }
  EXPECT_FALSE(std::filesystem::exists(out + ".export-part"));
  EXPECT_FALSE(std::filesystem::exists(out + "/left-by-a-killed-one"));
}

TEST_F(TrainCommands, SparsifyGivesADenseCheckpointAnIndexer) {
  const std::string dense = folder_.file("dense");
  const std::string sparse = folder_.file("sparse");
  ASSERT_EQ(
      run_program(LEVIN_TRAIN_BINARY, {"export", run_, "--out", dense, "--stage", "D"}).exit_code,
      0);
  const TrainResult result = train({"sparsify", dense, "--data", small_data_folder(), "--out",
                                    sparse, "--steps", "6", "--row-tokens", "128", "--index-heads",
                                    "2", "--index-head-dim", "32", "--topk", "16"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("layer 2 of 2: KL"));
  EXPECT_THAT(file_bytes(sparse + "/config.json"), HasSubstr("DeepseekV32ForCausalLM"));
  EXPECT_FALSE(std::filesystem::exists(sparse + "/hidden-0.tmp"));
  const TrainResult answer =
      run_program(LEVIN_BINARY, {"generate", sparse, "--prompt", "The", "--max-tokens", "3"});
  EXPECT_EQ(answer.exit_code, 0) << answer.err;

  const TrainResult twice =
      train({"sparsify", sparse, "--data", small_data_folder(), "--out", folder_.file("x")});
  EXPECT_NE(twice.exit_code, 0);
  EXPECT_THAT(twice.err, HasSubstr("has an indexer"));
  EXPECT_FALSE(std::filesystem::exists(folder_.file("x")));
}

TEST_F(TrainCommands, AnotherRunCanStartFromACheckpoint) {
  const std::string dense = folder_.file("dense");
  ASSERT_EQ(run_program(LEVIN_TRAIN_BINARY,
                        {"export", run_, "--out", dense, "--stage", "D", "--dtype", "f32"})
                .exit_code,
            0);
  const std::string child = folder_.file("child.toml");
  std::ofstream(child)
      << "[model]\nparent = \"" << dense
      << "\"\ntied_input_scale = 20.0\nmax_position_embeddings = 512\n"
         "[model.rope_scaling]\nfactor = 2\noriginal_max_position_embeddings = 256\n"
      << small_data_section()
      << "[indexer]\nindex_n_heads = 2\nindex_head_dim = 32\nindex_topk = 16\n"
         "[[stage]]\nname = \"W\"\nkind = \"warmup\"\nrow_tokens = 300\n"
         "tokens_per_step = 300\nmax_steps = 2\n[stage.sample]\n"
         "document_tokens_min = 64\ndocument_tokens_max = 300\n";
  const TrainResult result = train({"run", child, "--out", folder_.file("child")});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto checkpoints = list_checkpoints(checkpoints_path(folder_.file("child")));
  EXPECT_THAT(file_bytes(checkpoints.back().path + "/config.json"), HasSubstr("yarn"));

  // Without an indexer the parent's dense stages must not run first.
  std::ofstream(folder_.file("dense.toml"))
      << "[model]\nparent = \"" << dense << "\"\n"
      << small_data_section()
      << "[defaults]\nrow_tokens = 96\ntokens_per_step = 96\nmax_steps = 1\n[[stage]]\nname = "
         "\"D\"\n[[stage]]\nname = \"S\"\nkind = \"sparse\"\n";
  const TrainResult refused =
      train({"run", folder_.file("dense.toml"), "--out", folder_.file("late")});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("dense.toml: the model has no indexer yet; give [indexer]"));
  EXPECT_FALSE(std::filesystem::exists(metrics_path(folder_.file("late"))));
}

TEST(TrainQuestions, AreWrittenFromTheHeldOutPartAndNotReplacedUnasked) {
  const TemporaryFolder folder;
  const std::string recipe = write_micro_recipe(folder.path());
  const auto questions = [&](std::vector<std::string> more) {
    std::vector<std::string> args = {"data", "questions", recipe, "--out",
                                     folder.file("eval/lookup.jsonl")};
    args.insert(args.end(), more.begin(), more.end());
    return run_program(LEVIN_TRAIN_BINARY, args);
  };
  const std::vector<std::string> grid = {"--lengths", "300,500", "--count",    "6",
                                         "--hops",    "1,2",     "--wordings", "first,second"};
  const TrainResult written = questions(grid);
  EXPECT_EQ(written.exit_code, 0) << written.err;
  EXPECT_THAT(written.out, HasSubstr("8 cells of 6 questions"));
  EXPECT_THAT(file_bytes(folder.file("eval/lookup.jsonl")), HasSubstr("levin-lookup/1"));
  EXPECT_EQ(questions(grid).exit_code, 0) << "the same bytes again";

  const TrainResult other = questions({"--lengths", "300", "--count", "6"});
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.err, HasSubstr("other content"));
  EXPECT_EQ(questions({"--lengths", "300", "--count", "6", "--force"}).exit_code, 0);
  EXPECT_THAT(questions({"--lengths", "30", "--force"}).err, HasSubstr("too few"));
  EXPECT_THAT(questions({"--wordings", "third", "--force"}).err, HasSubstr("no wording"));
  EXPECT_THAT(questions({"--set", "data.name=mini", "--force"}).err,
              HasSubstr("was built as \"small\""))
      << "not the data of this recipe";
}

TEST(TrainQuestions, TheDemoIsADocumentAndAQuestionAboutEachOfItsFacts) {
  const TemporaryFolder folder;
  const std::string recipe = write_micro_recipe(folder.path());
  const TrainResult demo = run_program(
      LEVIN_TRAIN_BINARY,
      {"data", "demo", recipe, "--out", folder.file("demo"), "--length", "600", "--count", "5"});
  EXPECT_EQ(demo.exit_code, 0) << demo.err;
  EXPECT_THAT(file_bytes(folder.file("demo/questions.json")), HasSubstr("What is the "));
  EXPECT_FALSE(file_bytes(folder.file("demo/document.txt")).empty());
}

TEST(TrainUsage, SaysWhatIsWrongInOneSentence) {
  const TemporaryFolder folder;
  const std::string recipe = write_micro_recipe(folder.path());
  const auto complaint = [&](const std::vector<std::string>& more) {
    std::vector<std::string> args = {"run", recipe, "--out", folder.file("run")};
    args.insert(args.end(), more.begin(), more.end());
    const TrainResult result = train(args);
    EXPECT_NE(result.exit_code, 0);
    return result.err;
  };
  EXPECT_THAT(complaint({"--set", "run.sed=1"}), HasSubstr("[run] has no key \"sed\""));
  EXPECT_THAT(complaint({"--set", "data.folder=" + folder.file("none")}),
              HasSubstr("levin-train data build"));
  EXPECT_THAT(complaint({"--set", "model.topk_group=3"}), HasSubstr("topk_group"));
  EXPECT_THAT(complaint({"--set", "defaults.tokens_per_step=9600000"}), HasSubstr("needs about"));
  EXPECT_THAT(complaint({"--set", "data.vocab_size=4096"}),
              HasSubstr(recipe + ": [data] vocab_size is 4096, but " + small_data_folder() +
                        " was built with 700"));
  EXPECT_THAT(complaint({"--set", "data.name=mini"}),
              HasSubstr(recipe + ": [data] name is \"mini\", but " + small_data_folder() +
                        " was built as \"small\""));
  EXPECT_THAT(
      complaint({"--set", "stage.W.sample.facts_min=20", "--set", "stage.W.sample.facts_max=20"}),
      HasSubstr(recipe + ": stage \"W\": sample.document_tokens_min: 20 facts and a "
                         "question need about"));
  EXPECT_THAT(complaint({"--set", "indexer.index_head_dim=4"}),
              HasSubstr(recipe + ": [indexer] cannot be added: indexer: index_head_dim is 4"));
  EXPECT_THAT(complaint({"--bad"}), HasSubstr("--bad"));
  EXPECT_FALSE(std::filesystem::exists(folder.file("run/recipe.toml"))) << "no step was made";
  EXPECT_THAT(run_program(LEVIN_TRAIN_BINARY, {"run", "--keys"}).out, HasSubstr("tokens_per_step"));
}

}  // namespace
}  // namespace levin::train::run
