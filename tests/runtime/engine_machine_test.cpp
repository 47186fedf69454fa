// What the machine may do to a running engine: a file that shrinks, memory that is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/mapped_file.h"
#include "engine_helpers.h"
#include "formats/temporary_folder.h"
#include "runtime/page_pool.h"

namespace levin::runtime {
namespace {

using ::testing::HasSubstr;
using testing::load_engine;
using testing::make_request;
using testing::mini_model;
using testing::Outcome;
using testing::random_prompt;
using testing::run_alone;

constexpr int kExitCode = 6;

/// Each in a process of its own, started anew: threads of other tests do not survive a fork.
class EngineMachine : public ::testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

void answer_while_the_file_shrinks(const std::string& folder) {
  std::filesystem::copy(mini_model(), folder);
  base::install_truncation_handler(kExitCode);
  const auto engine = load_engine(folder, 1024);
  const Request request = make_request(random_prompt(100, 4000, 1), 2);
  (void)run_alone(*engine, request);
  std::filesystem::resize_file(folder + "/model.safetensors", 4096);
  (void)run_alone(*engine, request);
}

TEST_F(EngineMachine, AFileThatShrinksWhileItIsReadEndsWithOneSentence) {
  const levin::testing::TemporaryFolder folder;
  EXPECT_EXIT(answer_while_the_file_shrinks(folder.file("model")),
              ::testing::ExitedWithCode(kExitCode),
              "^levin: error: a mapped file became shorter or unreadable while it was in use; "
              "restore the file and start again\n$");
}

#ifndef LEVIN_SANITIZED
/// Allows no further memory of 32 MiB, the size of a piece of the cache, to be mapped.
void refuse_more_memory() {
  std::ifstream status("/proc/self/statm");
  int64_t mapped_pages = 0;
  status >> mapped_pages;
  rlimit limit{};
  ::getrlimit(RLIMIT_AS, &limit);
  limit.rlim_cur = static_cast<rlim_t>(mapped_pages * 4096 + (int64_t{16} << 20));
  ::setrlimit(RLIMIT_AS, &limit);
}

void allow_memory_again() {
  rlimit limit{};
  ::getrlimit(RLIMIT_AS, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_AS, &limit);
}

[[noreturn]] void answer_without_memory_for_the_cache() {
  EngineOptions options;
  options.cache_bytes = int64_t{64} << 20;
  const auto engine = load_engine(mini_model(), 4096, options);
  const Request request = make_request(random_prompt(100, 4000, 1), 2);
  refuse_more_memory();
  const Outcome refused = run_alone(*engine, request);
  allow_memory_again();
  const Outcome answered = run_alone(*engine, request);
  fmt::print(stderr, "{}\n", refused.error);
  const bool is_usable = refused.tokens.empty() && answered.finish == FinishReason::kLength &&
                         engine->pages().held_pages() == 0;
  std::exit(is_usable ? 0 : 1);
}

TEST_F(EngineMachine, ARequestForWhoseCacheThereIsNoMemoryEndsAndTheEngineGoesOn) {
  EXPECT_EXIT(
      answer_without_memory_for_the_cache(), ::testing::ExitedWithCode(0),
      "^cache: the system refuses 3[0-9.]+ MiB for more pages \\(0 of [0-9]+ are in use\\); "
      "end other programs, or use a shorter context\n$");
}
#endif

}  // namespace
}  // namespace levin::runtime
