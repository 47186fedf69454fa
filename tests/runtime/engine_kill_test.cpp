// An engine that fills the cache is killed at any moment: every answer that uses what it left
// equals the answer without a cache.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "disk_pages.h"
#include "engine_helpers.h"
#include "runtime/engine.h"
#include "runtime/page_pool.h"

namespace levin::runtime {
namespace {

namespace fs = std::filesystem;
using testing::load_engine;
using testing::make_request;
using testing::mini_model;
using testing::Outcome;
using testing::random_prompt;
using testing::run_alone;
using testing::TemporaryFolder;

constexpr uint64_t kPrompts = 6;
constexpr int64_t kPromptTokens = 280;  // four pages and a rest
constexpr int64_t kSmallContextTokens = 320;
constexpr int64_t kMostKillDelayUs = 400'000;

/// `LEVIN_KILLS` in the environment, or 25.
int rounds_wanted() {
  const char* text = std::getenv("LEVIN_KILLS");
  return text == nullptr ? 25 : std::atoi(text);
}

Request request_of(uint64_t prompt) {
  return make_request(random_prompt(kPromptTokens, 4000, prompt), 6);
}

EngineOptions with_disk(const std::string& folder, int64_t limit_bytes) {
  EngineOptions options;
  options.disk_cache_dir = folder;
  options.disk_cache_bytes = limit_bytes;
  options.chunk_tokens = 64;  // pages are published one by one
  return options;
}

/// Answers prompts until somebody kills it. The limit holds half of their pages, so that pages are
/// written, evicted and read all the time.
[[noreturn]] void answer_until_killed(const EngineOptions& options, uint64_t seed) {
  const auto engine = load_engine(mini_model(), kSmallContextTokens, options);
  for (uint64_t i = 0;; ++i) {
    (void)run_alone(*engine, request_of(base::random_bits(seed, i) % kPrompts));
  }
}

void kill_after(uint64_t seed, const EngineOptions& options) {
  const pid_t writer = ::fork();
  if (writer == 0) {
    answer_until_killed(options, seed);
  }
  const auto delay_us = static_cast<int64_t>(base::random_bits(7, seed) % kMostKillDelayUs);
  std::this_thread::sleep_for(std::chrono::microseconds(delay_us));
  ::kill(writer, SIGKILL);
  ::waitpid(writer, nullptr, 0);
}

TEST(EngineKillSlow, EveryRestoredPrefixGivesTheTokensOfAnUncachedOne) {
  const TemporaryFolder folder;
  std::vector<Outcome> expected;
  int64_t limit_bytes = 0;
  {
    const auto engine = load_engine(mini_model(), kSmallContextTokens);
    limit_bytes = segment_bytes(engine->pages().page_bytes()) * kPrompts * (kPromptTokens / 64) / 2;
    for (uint64_t prompt = 0; prompt < kPrompts; ++prompt) {
      expected.push_back(run_alone(*engine, request_of(prompt)));
    }
  }
  const std::string left = folder.file("left");
  int64_t restored_tokens = 0;
  for (int round = 0; round < rounds_wanted(); ++round) {
    kill_after(static_cast<uint64_t>(round), with_disk(left, limit_bytes));
    // What it left is used in a copy, with room for everything: the folder itself goes from one
    // killed process to the next.
    const std::string copy = folder.file("copy");
    fs::create_directories(left);
    fs::copy(left, copy, fs::copy_options::recursive);
    {
      const auto engine =
          load_engine(mini_model(), kSmallContextTokens, with_disk(copy, int64_t{1} << 30));
      for (uint64_t prompt = 0; prompt < kPrompts; ++prompt) {
        const Outcome outcome = run_alone(*engine, request_of(prompt));
        ASSERT_EQ(outcome, expected[prompt]) << "round " << round << ", prompt " << prompt;
      }
      restored_tokens += engine->stats().restored_prompt_tokens;
      ASSERT_TRUE(engine->cache_stats().disk.is_on) << "round " << round;
      ASSERT_EQ(engine->cache_stats().disk.damaged_pages, 0) << "whole files or none";
    }
    fs::remove_all(copy);
  }
  EXPECT_GT(restored_tokens, 0) << "the killed processes left something";
  RecordProperty("restored_tokens", std::to_string(restored_tokens));
  std::printf("%d kills, %ld tokens restored\n", rounds_wanted(), restored_tokens);
}

}  // namespace
}  // namespace levin::runtime
