// Several ranks: what the launcher's variables mean, and a run of two processes against one of one.
#include "train/run/ranks.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <signal.h>

#include <filesystem>
#include <future>
#include <map>
#include <string>

#include "base/error.h"
#include "formats/temporary_folder.h"
#include "train/nn/load.h"
#include "train/optim/free_port.h"
#include "train/run/run_folder.h"
#include "train/run/train_process.h"

namespace levin::train::run {
namespace {

using levin::testing::checkpoint_of_step;
using levin::testing::file_bytes;
using levin::testing::free_port;
using levin::testing::last_checkpoint;
using levin::testing::TemporaryFolder;
using levin::testing::train;
using levin::testing::TrainOptions;
using levin::testing::TrainResult;
using levin::testing::write_micro_recipe;
using ::testing::HasSubstr;

using Environment = std::map<std::string, std::string>;

std::optional<Launch> launch_in(const Environment& environment) {
  return launch_from_environment([&](const char* variable) -> const char* {
    const auto found = environment.find(variable);
    return found == environment.end() ? nullptr : found->second.c_str();
  });
}

std::string complaint(const Environment& environment) {
  try {
    (void)launch_in(environment);
    return "";
  } catch (const base::Error& error) {
    return error.what();
  }
}

TEST(Launch, IsReadFromTorchrunAndMpi) {
  EXPECT_FALSE(launch_in({}).has_value());
  EXPECT_FALSE(launch_in({{"RANK", "0"}, {"WORLD_SIZE", "1"}}).has_value());
  const auto torchrun = launch_in({{"RANK", "3"},
                                   {"WORLD_SIZE", "4"},
                                   {"LOCAL_WORLD_SIZE", "2"},
                                   {"MASTER_ADDR", "node1"},
                                   {"MASTER_PORT", "1234"}});
  ASSERT_TRUE(torchrun.has_value());
  EXPECT_EQ(torchrun->place.rank, 3);
  EXPECT_EQ(torchrun->place.ranks, 4);
  EXPECT_EQ(torchrun->place.host, "node1");
  EXPECT_EQ(torchrun->place.port, 1234);
  EXPECT_EQ(torchrun->local_ranks, 2);
  const auto open_mpi = launch_in({{"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "2"}});
  EXPECT_EQ(open_mpi->place.rank, 1);
  EXPECT_EQ(open_mpi->place.host, "127.0.0.1");
  EXPECT_EQ(open_mpi->place.port, 29500);
  EXPECT_EQ(open_mpi->local_ranks, 2);
  EXPECT_EQ(launch_in({{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}})->place.rank, 1);
}

TEST(Launch, SaysWhichVariableIsWrong) {
  EXPECT_THAT(complaint({{"RANK", "0"}}), HasSubstr("WORLD_SIZE: not set, though RANK is"));
  EXPECT_THAT(complaint({{"WORLD_SIZE", "2"}}), HasSubstr("RANK: not set, though WORLD_SIZE is"));
  EXPECT_THAT(complaint({{"RANK", "2"}, {"WORLD_SIZE", "2"}}),
              HasSubstr("RANK: \"2\" is set, a whole number from 0 to 1 expected"));
  EXPECT_THAT(complaint({{"RANK", "0"}, {"WORLD_SIZE", "two"}}), HasSubstr("WORLD_SIZE: \"two\""));
  EXPECT_THAT(complaint({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_PORT", "70000"}}),
              HasSubstr("MASTER_PORT: \"70000\""));
}

/// The same command as rank 0 and rank 1; `first` are the options of rank 0.
std::pair<TrainResult, TrainResult> train_on_two_ranks(const std::vector<std::string>& args,
                                                       const TrainOptions& first = {}) {
  const std::string port = "MASTER_PORT=" + std::to_string(free_port());
  const auto run_rank = [&](const char* rank, TrainOptions options) {
    options.environment = {rank, "WORLD_SIZE=2", port};
    return train(args, options);
  };
  auto other = std::async(std::launch::async, run_rank, "RANK=1", TrainOptions{});
  TrainResult result = run_rank("RANK=0", first);
  return {std::move(result), other.get()};
}

TEST(TwoRanks, EndWithTheWeightsOfOneRankWithTheDoubledBatch) {
  const TemporaryFolder folder;
  const std::string recipe = write_micro_recipe(folder.path());
  // Few steps: rounding differs, and once it sends a token to another expert the runs part. In the
  // third step two experts get no token: their momentum moves them on, on one rank as on two.
  const std::vector<std::string> run = {"run",   recipe,
                                        "--set", "stage.D.max_steps=3",
                                        "--set", "stage.W.max_steps=2",
                                        "--set", "stage.S.max_steps=2",
                                        "--set", "stage.W.lr_warmup_steps=1",
                                        "--set", "stage.S.lr_warmup_steps=1",
                                        "--out"};
  const auto into = [&](const char* name) {
    std::vector<std::string> args = run;
    args.push_back(folder.file(name));
    return args;
  };
  ASSERT_EQ(train(into("one")).exit_code, 0);
  const auto [first, second] = train_on_two_ranks(into("two"));
  ASSERT_EQ(first.exit_code, 0) << first.err;
  ASSERT_EQ(second.exit_code, 0) << second.err;
  EXPECT_THAT(first.err, HasSubstr("done: 7 steps"));
  EXPECT_THAT(second.err, Not(HasSubstr("done"))) << "rank 0 alone reports";

  const nn::ModelWeights one = nn::load_model(last_checkpoint(folder.file("one")));
  const nn::ModelWeights two = nn::load_model(last_checkpoint(folder.file("two")));
  const auto one_parameters = nn::named_parameters(one);
  const auto two_parameters = nn::named_parameters(two);
  ASSERT_EQ(one_parameters.size(), two_parameters.size());
  for (size_t i = 0; i < one_parameters.size(); ++i) {
    const auto difference = (one_parameters[i].tensor - two_parameters[i].tensor).abs().max();
    EXPECT_LT(difference.item<float>(), 1e-3F) << one_parameters[i].spec.name;
  }
  const auto one_steps = read_metrics(metrics_path(folder.file("one")));
  const auto two_steps = read_metrics(metrics_path(folder.file("two")));
  ASSERT_EQ(one_steps.size(), two_steps.size()) << "one line a step, by rank 0 alone";
  EXPECT_NEAR(*one_steps[0].loss, *two_steps[0].loss, 1e-5);
  // Muon and AdamW forgive a wrong scale of the gradients; their norms do not.
  for (const size_t first_of_stage : {0, 3, 5}) {
    const double norm = one_steps[first_of_stage].gradient_norm.value();
    EXPECT_GT(norm, 0.0);
    EXPECT_NEAR(two_steps[first_of_stage].gradient_norm.value(), norm, 0.01 * norm)
        << first_of_stage;
  }
  EXPECT_NEAR(one_steps[4].layer_kl[0], two_steps[4].layer_kl[0], 1e-3);
  EXPECT_EQ(two_steps[6].tokens, one_steps[6].tokens);
}

TEST(TwoRanks, GoOnAfterOneOfThemWasKilled) {
  const TemporaryFolder folder;
  const std::string recipe = write_micro_recipe(folder.path());
  const auto run = [&](const char* name, const char* more = "--resume") {
    return std::vector<std::string>{
        "run", recipe, "--out", folder.file(name), more, "--set", "stage.D.max_steps=200"};
  };
  ASSERT_EQ(train_on_two_ranks(run("whole")).first.exit_code, 0);
  const std::string first = checkpoint_of_step(folder.file("killed"), 3);
  const auto [killed, left] = train_on_two_ranks(
      run("killed"),
      {.kill_signal = SIGKILL, .kill_when = [&] { return std::filesystem::exists(first); }});
  ASSERT_EQ(killed.exit_code, 128 + SIGKILL) << killed.err;
  EXPECT_EQ(left.exit_code, 6);
  EXPECT_THAT(left.err, HasSubstr("lost another rank"));
  ASSERT_EQ(train_on_two_ranks(run("killed")).first.exit_code, 0);
  EXPECT_EQ(file_bytes(last_checkpoint(folder.file("whole")) + "/model.safetensors"),
            file_bytes(last_checkpoint(folder.file("killed")) + "/model.safetensors"));
}

TEST(TwoRanks, RowsThatDoNotDivideAreRefused) {
  const TemporaryFolder folder;
  const std::string recipe = write_micro_recipe(folder.path());
  const auto [first, second] = train_on_two_ranks(
      {"run", recipe, "--out", folder.file("run"), "--set", "defaults.tokens_per_step=96"});
  for (const TrainResult& result : {first, second}) {
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, HasSubstr(recipe + ": stage \"D\": 1 rows a step"));
  }
}

}  // namespace
}  // namespace levin::train::run
