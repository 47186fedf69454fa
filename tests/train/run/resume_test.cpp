// What a run survives: kill -9, Ctrl-C, a full disk, a loss that is no number.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/random.h"
#include "formats/temporary_folder.h"
#include "train/data/build_data.h"
#include "train/data/small_data.h"
#include "train/nn/load.h"
#include "train/run/checkpoint_store.h"
#include "train/run/run_folder.h"
#include "train/run/train_process.h"

namespace levin::train::run {
namespace {

namespace fs = std::filesystem;

using levin::testing::checkpoint_of_step;
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

constexpr int64_t kLastStep = 20;
/// Of the run that is killed ten times.
constexpr int64_t kLongRunSteps = 180;

void expect_same_end(const std::string& run, const std::string& other,
                     int64_t last_step = kLastStep) {
  const std::string end = last_checkpoint(run);
  const std::string other_end = last_checkpoint(other);
  EXPECT_EQ(load_training_state(end).step, last_step);
  EXPECT_EQ(load_training_state(other_end).step, last_step);
  for (const char* file : {"/model.safetensors", "/optimizer.safetensors", "/config.json"}) {
    EXPECT_EQ(file_bytes(end + file), file_bytes(other_end + file)) << file;
  }
  const auto steps = read_metrics(metrics_path(run));
  const auto other_steps = read_metrics(metrics_path(other));
  ASSERT_EQ(steps.size(), other_steps.size());
  for (size_t i = 0; i < steps.size(); ++i) {
    EXPECT_EQ(steps[i].step, other_steps[i].step);
    EXPECT_EQ(steps[i].loss, other_steps[i].loss) << steps[i].step;
    EXPECT_EQ(steps[i].layer_kl, other_steps[i].layer_kl) << steps[i].step;
  }
}

int64_t newest_step(const std::string& run) {
  const std::string checkpoint = last_checkpoint(run);
  return checkpoint.empty() ? 0 : load_training_state(checkpoint).step;
}

/// Whether a checkpoint is being written.
bool is_writing(const std::string& run) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(checkpoints_path(run), error)) {
    if (entry.path().filename().string().starts_with("unfinished-step")) {
      return true;
    }
  }
  return false;
}

/// Lines of the metrics that a process has written since it opened the folder; a run that goes on
/// replaces the file first, which gives it another inode.
int64_t new_steps(const std::string& run, ino_t inode_before) {
  struct stat status {};
  if (::stat(metrics_path(run).c_str(), &status) != 0 || status.st_ino == inode_before) {
    return 0;
  }
  const std::string text = file_bytes(metrics_path(run));
  return std::ranges::count(text, '\n');
}

/// Starts the run again and kills it a few steps later, every other time while it writes a
/// checkpoint; it had steps to do when it died.
void kill_in_work(const std::vector<std::string>& command, const std::string& run, int kill_idx) {
  struct stat before {};
  (void)::stat(metrics_path(run).c_str(), &before);
  const int64_t from = newest_step(run);
  const int64_t target = from + 1 + static_cast<int64_t>(base::random_bits(3, kill_idx) % 7);
  const bool waits_for_write = kill_idx % 2 == 1;
  const TrainResult killed = train(
      command,
      {.kill_signal = SIGKILL, .kill_after_ms = waits_for_write ? 0 : kill_idx, .kill_when = [&] {
         return new_steps(run, before.st_ino) >= target && (!waits_for_write || is_writing(run));
       }});
  ASSERT_EQ(killed.exit_code, 128 + SIGKILL) << killed.err;
  EXPECT_GE(new_steps(run, before.st_ino), target) << "it had trained";
  EXPECT_LT(newest_step(run), kLongRunSteps) << "it had not come to the end";
}

TEST(ResumeSlow, ARunKilledTenTimesAtWorkEndsWithTheBitsOfAnUninterruptedOne) {
  const TemporaryFolder folder;
  const std::string recipe = write_micro_recipe(folder.path());
  const auto command = [&](const std::string& run) {
    return std::vector<std::string>{"run",
                                    recipe,
                                    "--resume",
                                    "--set",
                                    "stage.D.max_steps=70",
                                    "--set",
                                    "stage.W.max_steps=40",
                                    "--set",
                                    "stage.S.max_steps=70",
                                    "--out",
                                    run};
  };
  const std::string whole = folder.file("whole");
  const std::string run = folder.file("killed");
  ASSERT_EQ(train(command(whole)).exit_code, 0);
  int torn_writes = 0;
  for (int kill_idx = 0; kill_idx < 10; ++kill_idx) {
    ASSERT_NO_FATAL_FAILURE(kill_in_work(command(run), run, kill_idx)) << kill_idx;
    torn_writes += is_writing(run) ? 1 : 0;
  }
  EXPECT_GT(torn_writes, 0) << "kills also hit checkpoints that were being written";
  const TrainResult end = train(command(run));
  ASSERT_EQ(end.exit_code, 0) << end.err;
  expect_same_end(whole, run, kLongRunSteps);
}

TEST(Resume, AStoppedRunWritesACheckpointAndGoesOn) {
  const TemporaryFolder folder;
  const std::string recipe = write_micro_recipe(folder.path());
  const std::string run = folder.file("run");
  // Signals come at every moment; before the handlers are there SIGINT ends the program.
  TrainResult stopped;
  for (int after_ms = 200; after_ms < 20'000; after_ms += 100) {
    stopped = train({"run", recipe, "--out", run, "--resume", "--set", "stage.D.max_steps=2000"},
                    {.kill_signal = SIGINT, .kill_after_ms = after_ms});
    if (stopped.exit_code == 130 && !last_checkpoint(run).empty()) {
      break;
    }
  }
  EXPECT_EQ(stopped.exit_code, 130);
  EXPECT_THAT(stopped.err, HasSubstr("go on with --resume"));
  const int64_t step = load_training_state(last_checkpoint(run)).step;
  EXPECT_EQ(read_metrics(metrics_path(run)).size(), static_cast<size_t>(step));
}

/// Starts a run and closes its terminal behind the first step: both the shell and the kernel may
/// send the signal.
TrainResult hang_up(const std::string& run, std::vector<std::string> command, bool ignores_hangup) {
  return train(std::move(command), {.kill_signal = SIGHUP,
                                    .kill_times = 2,
                                    .kill_when = [&] { return new_steps(run, 0) > 0; },
                                    .ignores_hangup = ignores_hangup});
}

TEST(Resume, AClosedTerminalStopsARunBehindACheckpoint) {
  const TemporaryFolder folder;
  const std::string recipe = write_micro_recipe(folder.path());
  const std::string run = folder.file("run");
  const TrainResult stopped =
      hang_up(run, {"run", recipe, "--out", run, "--set", "stage.D.max_steps=2000"}, false);
  EXPECT_EQ(stopped.exit_code, 130) << stopped.err;
  EXPECT_THAT(stopped.err, HasSubstr("go on with --resume"));
  EXPECT_GT(newest_step(run), 0);
  EXPECT_EQ(read_metrics(metrics_path(run)).size(), static_cast<size_t>(newest_step(run)));
}

TEST(Resume, UnderNohupARunGoesOnWhenTheTerminalIsClosed) {
  const TemporaryFolder folder;
  const std::string recipe = write_micro_recipe(folder.path());
  const std::string run = folder.file("run");
  const TrainResult whole = hang_up(run, {"run", recipe, "--out", run}, true);
  EXPECT_EQ(whole.exit_code, 0) << whole.err;
  EXPECT_EQ(newest_step(run), kLastStep);
}

TEST(Resume, AStageHasOneSelectionHoweverOftenItsEndWasReached) {
  const TemporaryFolder folder;
  const std::string recipe = write_micro_recipe(folder.path());
  const std::string run = folder.file("run");
  ASSERT_EQ(train({"run", recipe, "--out", run}).exit_code, 0);
  const std::string selection = file_bytes(selection_path(run));
  EXPECT_EQ(std::ranges::count(selection, '\n'), 2) << "stages W and S";
  // As if it had been killed before the checkpoint that ends S, in the middle of a line.
  fs::remove_all(checkpoint_of_step(run, kLastStep));
  std::ofstream(selection_path(run), std::ios::app) << "{\"step\":20,\"sta";
  ASSERT_EQ(train({"run", recipe, "--out", run, "--resume"}).exit_code, 0);
  EXPECT_EQ(file_bytes(selection_path(run)), selection);
}

TEST(Resume, AFullDiskStopsTheRunAndLeavesNoHalfCheckpoint) {
  const TemporaryFolder folder;
  const std::string recipe = write_micro_recipe(folder.path());
  const std::string run = folder.file("run");
  ASSERT_EQ(train({"run", recipe, "--out", folder.file("whole")}).exit_code, 0);
  const TrainResult full = train({"run", recipe, "--out", run}, {.file_size_bytes = 50'000});
  EXPECT_EQ(full.exit_code, 6) << full.err;
  EXPECT_THAT(full.err, HasSubstr("File too large"));
  EXPECT_TRUE(fs::is_empty(checkpoints_path(run)));
  ASSERT_EQ(train({"run", recipe, "--out", run, "--resume"}).exit_code, 0);
  expect_same_end(folder.file("whole"), run);
}

/// The largest file of a checkpoint.
uintmax_t largest_file(const std::string& checkpoint) {
  uintmax_t most = 0;
  for (const auto& entry : fs::directory_iterator(checkpoint)) {
    most = std::max(most, entry.file_size());
  }
  return most;
}

/// The end of stage W (step 13) is there with the bits of an undisturbed run, the trainer loads it
/// and the engine runs it.
void expect_intact_warmup(const std::string& run, const std::string& whole) {
  const std::string checkpoint = checkpoint_of_step(run, 13);
  ASSERT_TRUE(fs::exists(checkpoint));
  for (const char* file : {"/model.safetensors", "/optimizer.safetensors", "/config.json"}) {
    EXPECT_EQ(file_bytes(checkpoint + file), file_bytes(checkpoint_of_step(whole, 13) + file))
        << file;
  }
  EXPECT_NO_THROW((void)nn::load_model(checkpoint));
  const TrainResult answer =
      run_program(LEVIN_BINARY, {"generate", checkpoint, "--prompt", "The", "--max-tokens", "2"});
  EXPECT_EQ(answer.exit_code, 0) << answer.err;
}

TEST(ResumeSlow, ADiskThatFillsUpLaterLeavesTheCheckpointsBefore) {
  const TemporaryFolder folder;
  const std::string recipe = write_micro_recipe(folder.path());
  const std::string whole = folder.file("whole");
  const std::string run = folder.file("run");
  ASSERT_EQ(train({"run", recipe, "--out", whole}).exit_code, 0);
  // The optimizer of stage S has more to write than those before.
  const uintmax_t before = std::max(largest_file(checkpoint_of_step(whole, 8)),
                                    largest_file(checkpoint_of_step(whole, 13)));
  const uintmax_t later = largest_file(last_checkpoint(whole));
  ASSERT_GT(later, before + 2000);
  const TrainResult full = train({"run", recipe, "--out", run},
                                 {.file_size_bytes = static_cast<int64_t>((before + later) / 2)});
  EXPECT_EQ(full.exit_code, 6) << full.err;
  EXPECT_THAT(full.err, HasSubstr("File too large"));
  EXPECT_EQ(newest_step(run), 13);
  expect_intact_warmup(run, whole);
  ASSERT_EQ(train({"run", recipe, "--out", run, "--resume"}).exit_code, 0);
  expect_same_end(whole, run);
}

TEST(ResumeSlow, ALossThatIsNoNumberEndsTheRunBeforeItReachesTheWeights) {
  const TemporaryFolder folder;
  const std::string recipe = write_micro_recipe(folder.path());
  const std::string whole = folder.file("whole");
  const std::string run = folder.file("run");
  ASSERT_EQ(train({"run", recipe, "--out", whole}).exit_code, 0);
  const TrainResult diverged =
      train({"run", recipe, "--out", run, "--set", "stage.S.lr=10", "--set", "stage.S.adamw_lr=10",
             "--set", "stage.S.max_steps=400", "--set", "stage.S.optimizer=adamw", "--set",
             "stage.S.clip_norm=0", "--set", "stage.S.weight_decay=9", "--set",
             "stage.S.lr_warmup_steps=0"});
  EXPECT_EQ(diverged.exit_code, 2) << diverged.err;
  EXPECT_THAT(diverged.err, HasSubstr(recipe + ": stage \"S\": the"));
  EXPECT_THAT(diverged.err, HasSubstr("became NaN or infinite at step"));
  EXPECT_THAT(diverged.err,
              HasSubstr("lower lr or give clip_norm, in a recipe of what is left of the stages, "
                        "with [model] parent = \"" +
                        last_checkpoint(run) + "\""));
  expect_intact_warmup(run, whole);
  EXPECT_NO_THROW((void)nn::load_model(last_checkpoint(run))) << "the newest is finite as well";

  const std::string child = folder.file("child.toml");
  std::ofstream(child) << "[model]\nparent = \"" << last_checkpoint(run)
                       << "\"\ntied_input_scale = 20.0\n"
                       << small_data_section()
                       << "[[stage]]\nname = \"S\"\nkind = \"sparse\"\nrow_tokens = 96\n"
                          "tokens_per_step = 192\nmax_steps = 2\nclip_norm = 5.0\n[stage.sample]\n"
                          "document_tokens_min = 64\ndocument_tokens_max = 97\n";
  const TrainResult gone_on = train({"run", child, "--out", folder.file("child")});
  EXPECT_EQ(gone_on.exit_code, 0) << gone_on.err;
}

TEST(ResumeSlow, DataThatIsNoLongerTheSameIsRefused) {
  const TemporaryFolder folder;
  const std::string recipe = write_micro_recipe(folder.path());
  const std::string data = folder.file("data");
  const std::string run = folder.file("run");
  fs::copy(small_data_folder(), data, fs::copy_options::recursive);
  const std::vector<std::string> command = {
      "run", recipe, "--out", run, "--resume", "--set", "data.folder=" + data};
  ASSERT_EQ(train(command).exit_code, 0);
  EXPECT_EQ(train(command).exit_code, 0) << "the same data";

  fs::remove_all(data);
  (void)data::build_data({.recipe = "other",
                          .corpus_folder = std::string(data::kMadeUpCorpus),
                          .vocab_size = data::test::kSmallVocab},
                         data);
  const TrainResult other = train(command);
  EXPECT_EQ(other.exit_code, 3);
  EXPECT_THAT(other.err, HasSubstr("was trained on data whose manifest has the checksum"));

  fs::remove_all(data);
  fs::copy(small_data_folder(), data, fs::copy_options::recursive);
  std::ofstream(last_checkpoint(run) + "/tokenizer.json", std::ios::app) << " ";
  const TrainResult tokenizer = train(command);
  EXPECT_EQ(tokenizer.exit_code, 3);
  EXPECT_THAT(tokenizer.err, HasSubstr("this is not the tokenizer of the data"));
}

/// Replaces the checksum of the newest checkpoint's rows; an empty `value` removes it.
void set_rows_sha256(const std::string& run, const std::string& value) {
  const std::string path = last_checkpoint(run) + "/training_state.json";
  auto state = nlohmann::json::parse(file_bytes(path));
  state.erase("rows_sha256");
  if (!value.empty()) {
    state["rows_sha256"] = value;
  }
  std::ofstream(path) << state;
}

TEST(Resume, RowsThatAnotherVersionMadeAreRefused) {
  const TemporaryFolder folder;
  const std::string recipe = write_micro_recipe(folder.path());
  const std::string run = folder.file("run");
  const std::vector<std::string> command = {"run", recipe, "--out", run, "--resume"};
  ASSERT_EQ(train(command).exit_code, 0);
  const std::string rows = load_training_state(last_checkpoint(run)).rows_sha256;
  EXPECT_EQ(rows.size(), 64U);
  EXPECT_EQ(train(command).exit_code, 0) << "the same rows";

  set_rows_sha256(run, "");
  EXPECT_EQ(train(command).exit_code, 0) << "of a version that did not write it";

  set_rows_sha256(run, "0123");
  const TrainResult other = train(command);
  EXPECT_EQ(other.exit_code, 3);
  EXPECT_THAT(other.err, HasSubstr(last_checkpoint(run) + ": this version of levin-train makes "
                                                          "other training rows"));
  EXPECT_THAT(other.err, HasSubstr("checksum " + rows + " instead of 0123"));
}

TEST(Resume, AFolderBelongsToOneRecipe) {
  const TemporaryFolder folder;
  const std::string recipe = write_micro_recipe(folder.path());
  const std::string run = folder.file("run");
  ASSERT_EQ(train({"run", recipe, "--out", run}).exit_code, 0);
  const TrainResult again = train({"run", recipe, "--out", run});
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_THAT(again.err, HasSubstr("add --resume"));
  const TrainResult other = train({"run", recipe, "--out", run, "--resume", "--set", "run.seed=2"});
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.err, HasSubstr("another recipe (run.seed: 1 != 2)"));
}

}  // namespace
}  // namespace levin::train::run
