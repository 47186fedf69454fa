// An engine that fills the cache is killed at any moment, most often while it answers: every answer
// that uses what it left equals the answer without a cache.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "disk_pages.h"
#include "engine_helpers.h"
#include "runtime/engine.h"
#include "runtime/page_pool.h"
#include "runtime/segment_folder.h"

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
constexpr int kLoadingEvery = 4;  // of so many kills one may hit the loading

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

/// Answers prompts until somebody kills it, and says through `loaded` when it begins to. The limit
/// holds half of their pages, so that pages are written, evicted and read all the time.
[[noreturn]] void answer_until_killed(const EngineOptions& options, uint64_t seed, int loaded) {
  const auto engine = load_engine(mini_model(), kSmallContextTokens, options);
  (void)::write(loaded, "!", 1);
  for (uint64_t i = 0;; ++i) {
    (void)run_alone(*engine, request_of(base::random_bits(seed, i) % kPrompts));
  }
}

/// Kills such a process within `longest` after it has loaded or, each kLoadingEvery-th, from its
/// start on.
void kill_a_writer(uint64_t seed, const EngineOptions& options, std::chrono::microseconds longest) {
  std::array<int, 2> loaded{};
  ASSERT_EQ(::pipe(loaded.data()), 0);
  const pid_t writer = ::fork();
  if (writer == 0) {
    answer_until_killed(options, seed, loaded[1]);
  }
  ::close(loaded[1]);
  if (seed % kLoadingEvery != 0) {
    char byte = 0;
    EXPECT_EQ(::read(loaded[0], &byte, 1), 1) << "the process ended while it loaded";
  }
  const auto delay_us = base::random_bits(7, seed) % static_cast<uint64_t>(longest.count());
  std::this_thread::sleep_for(std::chrono::microseconds(delay_us));
  ::kill(writer, SIGKILL);
  ::waitpid(writer, nullptr, 0);
  ::close(loaded[0]);
}

/// The pages in a cache folder; none if it is not there.
std::set<std::string> pages_in(const std::string& folder) {
  std::set<std::string> pages;
  for (const PageKey& key : list_segments(segment_folder_path(folder))) {
    pages.insert(segment_path(folder, key));
  }
  return pages;
}

bool has_new_page(const std::set<std::string>& before, const std::set<std::string>& after) {
  return !std::ranges::includes(before, after);
}

TEST(EngineKillSlow, EveryRestoredPrefixGivesTheTokensOfAnUncachedOne) {
  const TemporaryFolder folder;
  std::vector<Outcome> expected;
  int64_t limit_bytes = 0;
  std::chrono::microseconds answering{};
  {
    const auto engine = load_engine(mini_model(), kSmallContextTokens);
    limit_bytes = segment_bytes(engine->pages().page_bytes()) * kPrompts * (kPromptTokens / 64) / 2;
    const auto start = std::chrono::steady_clock::now();
    for (uint64_t prompt = 0; prompt < kPrompts; ++prompt) {
      expected.push_back(run_alone(*engine, request_of(prompt)));
    }
    answering = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - start);
  }
  const std::string left = folder.file("left");
  int64_t restored_tokens = 0;
  int writers_with_pages = 0;
  for (int round = 0; round < rounds_wanted(); ++round) {
    const std::set<std::string> before = pages_in(left);
    kill_a_writer(static_cast<uint64_t>(round), with_disk(left, limit_bytes), answering);
    const bool has_written = has_new_page(before, pages_in(left));
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
      const int64_t restored = engine->stats().restored_prompt_tokens;
      restored_tokens += restored;
      writers_with_pages += has_written && restored > 0 ? 1 : 0;
      ASSERT_TRUE(engine->cache_stats().disk.is_on) << "round " << round;
      ASSERT_EQ(engine->cache_stats().disk.damaged_pages, 0) << "whole files or none";
    }
    fs::remove_all(copy);
  }
  EXPECT_GE(3 * writers_with_pages, rounds_wanted())
      << "a third of the killed processes has written pages, and their folder gave some back";
  RecordProperty("restored_tokens", std::to_string(restored_tokens));
  std::printf("%d kills, %d of them after a page was written, %ld tokens restored\n",
              rounds_wanted(), writers_with_pages, restored_tokens);
}

}  // namespace
}  // namespace levin::runtime
