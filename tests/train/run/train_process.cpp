#include "train/run/train_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "train/data/small_data.h"
#include "train/run/checkpoint_store.h"
#include "train/run/run_folder.h"
#include "train/run/small_recipe.h"

namespace levin::testing {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMicroRecipe = R"([run]
checkpoint_steps = 3
keep_last = 2

[indexer]
index_n_heads = 2
index_head_dim = 32
index_topk = 16

[defaults]
row_tokens = 96
tokens_per_step = 192
accumulation = 1
lr_warmup_steps = 2
balance_loss = 1e-3
clip_norm = 5.0
[defaults.sample]
document_tokens_min = 64
document_tokens_max = 97

[[stage]]
name = "D"
max_steps = 8

[[stage]]
name = "W"
kind = "warmup"
max_steps = 5

[[stage]]
name = "S"
kind = "sparse"
max_steps = 7
decay = "cosine"
)";

[[noreturn]] void exec_child(const std::string& program, const std::vector<std::string>& args,
                             const TrainOptions& options, const std::string& folder) {
  const int out = ::open((folder + "/out").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  const int err = ::open((folder + "/err").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  ::signal(SIGHUP, options.ignores_hangup ? SIG_IGN : SIG_DFL);  // whatever the tests run under
  if (options.file_size_bytes > 0) {
    const auto limit = static_cast<rlim_t>(options.file_size_bytes);
    const rlimit size{limit, limit};
    ::setrlimit(RLIMIT_FSIZE, &size);
  }
  if (options.memory_bytes > 0) {
    const auto limit = static_cast<rlim_t>(options.memory_bytes);
    const rlimit size{limit, limit};
    ::setrlimit(RLIMIT_DATA, &size);
  }
  for (const std::string& assignment : options.environment) {
    ::putenv(const_cast<char*>(assignment.c_str()));
  }
  std::vector<char*> argv = {const_cast<char*>(program.c_str())};
  for (const std::string& arg : args) {
    argv.push_back(const_cast<char*>(arg.c_str()));
  }
  argv.push_back(nullptr);
  ::execv(program.c_str(), argv.data());
  ::_exit(127);
}

bool is_running(pid_t child) {
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT);
  return info.si_pid == 0;
}

}  // namespace

TrainResult run_program(const std::string& program, const std::vector<std::string>& args,
                        const TrainOptions& options) {
  static std::atomic<int> processes = 0;  // several may run at a time
  const std::string folder =
      train::data::test::fresh_folder("process_" + std::to_string(++processes)).string();
  fs::create_directories(folder);
  const pid_t child = ::fork();
  if (child == 0) {
    exec_child(program, args, options, folder);
  }
  if (options.kill_signal != 0) {
    while (options.kill_when && !options.kill_when() && is_running(child)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(options.kill_after_ms));
    for (int i = 0; i < options.kill_times; ++i) {
      ::kill(child, options.kill_signal);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  int status = 0;
  rusage usage{};
  ::wait4(child, &status, 0, &usage);
  TrainResult result;
  result.peak_memory_bytes = int64_t{1024} * usage.ru_maxrss;
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.out = file_bytes(folder + "/out");
  result.err = file_bytes(folder + "/err");
  return result;
}

TrainResult train(std::vector<std::string> args, const TrainOptions& options) {
  args.insert(args.end(), {"--threads", "1"});
  return run_program(LEVIN_TRAIN_BINARY, args, options);
}

const std::string& small_data_folder() {
  static const std::string folder = [] {
    std::string path = train::data::test::fresh_folder("data").string();
    (void)train::data::build_data({.recipe = "small",
                                   .corpus_folder = std::string(train::data::kMadeUpCorpus),
                                   .vocab_size = train::data::test::kSmallVocab},
                                  path);
    return path;
  }();
  return folder;
}

std::string small_data_section() {
  return fmt::format("\n[data]\nfolder = \"{}\"\nvocab_size = {}\n", small_data_folder(),
                     train::data::test::kSmallVocab);
}

std::string micro_model() {
  return train::run::small_model(
      "n_group = 2\ntied_input_scale = 20.0\nprevious_token_heads = 2\n");
}

std::string write_micro_recipe(const std::string& folder) {
  std::string path = folder + "/micro.toml";
  std::ofstream(path) << kMicroRecipe << micro_model() << small_data_section();
  return path;
}

std::string make_dense_model(const std::string& folder) {
  const std::string recipe = write_micro_recipe(folder);
  std::string model = folder + "/dense";
  const TrainResult trained = train({"run", recipe, "--out", folder + "/dense-run"});
  EXPECT_EQ(trained.exit_code, 0) << trained.err;
  const TrainResult exported = run_program(
      LEVIN_TRAIN_BINARY,
      {"export", folder + "/dense-run", "--out", model, "--stage", "D", "--dtype", "f32"});
  EXPECT_EQ(exported.exit_code, 0) << exported.err;
  return model;
}

std::string checkpoint_of_step(const std::string& run, int step) {
  return fmt::format("{}/step-{:08}", train::run::checkpoints_path(run), step);
}

std::string last_checkpoint(const std::string& run) {
  const auto all = train::run::list_checkpoints(train::run::checkpoints_path(run));
  return all.empty() ? "" : all.back().path;
}

std::string file_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

}  // namespace levin::testing
