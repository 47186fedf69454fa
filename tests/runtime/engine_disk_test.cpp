// Prefixes that outlive the engine save work and change no answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "disk_pages.h"
#include "engine_helpers.h"
#include "runtime/engine.h"
#include "runtime/page_pool.h"
#include "runtime/prefix_cache.h"
#include "runtime/scheduler.h"

namespace levin::runtime {
namespace {

namespace fs = std::filesystem;
using testing::flip_bit;
using testing::load_engine;
using testing::make_request;
using testing::mini_model;
using testing::Outcome;
using testing::random_prompt;
using testing::run_alone;
using testing::TemporaryFolder;

constexpr int64_t kContextTokens = 1024;

EngineOptions with_disk(const TemporaryFolder& folder) {
  EngineOptions options;
  options.disk_cache_dir = folder.path();
  return options;
}

/// What a new process answers, and what its cache then says.
struct Fresh {
  Outcome outcome;
  EngineStats stats;
  CacheStats cache;
};

Fresh run_in_new_engine(const EngineOptions& options, const Request& request,
                        const std::string& model_dir = mini_model()) {
  const auto engine = load_engine(model_dir, kContextTokens, options);
  Fresh fresh;
  fresh.outcome = run_alone(*engine, request);
  fresh.stats = engine->stats();
  fresh.cache = engine->cache_stats();
  return fresh;
}

TEST(EngineWithDisk, AnswersAfterARestartEqualThoseWithoutACache) {
  const TemporaryFolder folder;
  const Request request = make_request(random_prompt(900, 4000, 1), 8);
  const Outcome expected = run_in_new_engine({}, request).outcome;
  const Fresh first = run_in_new_engine(with_disk(folder), request);
  const Fresh second = run_in_new_engine(with_disk(folder), request);
  EXPECT_EQ(first.outcome, expected);
  EXPECT_EQ(second.outcome, expected);
  EXPECT_EQ(first.outcome.cached_tokens, 0);
  EXPECT_EQ(second.outcome.cached_tokens, 14 * 64);
  EXPECT_EQ(second.stats.cached_prompt_tokens, 14 * 64);
  EXPECT_EQ(second.stats.restored_prompt_tokens, 14 * 64);
  EXPECT_EQ(second.stats.prompt_tokens, 900);
  EXPECT_EQ(second.cache.disk.read_pages, 14);
  EXPECT_EQ(second.cache.held_pages, 0);
}

TEST(EngineWithDisk, TellsHowFarARestoredPromptIsBeforeTheRestIsComputed) {
  const TemporaryFolder folder;
  const Request request = make_request(random_prompt(300, 4000, 11), 1);
  (void)run_in_new_engine(with_disk(folder), request);
  const auto engine = load_engine(mini_model(), kContextTokens, with_disk(folder));
  (void)engine->submit(request);
  const std::vector<TokenEvent> events = engine->step();
  ASSERT_EQ(events.size(), 2U);
  for (const TokenEvent& event : events) {
    EXPECT_EQ(event.prompt_tokens_cached, 256);
    EXPECT_EQ(event.prompt_tokens_restored, 256);
  }
  EXPECT_EQ(events[0].prompt_tokens_done, 256);
  EXPECT_FALSE(events[0].token.has_value());
  EXPECT_FALSE(events[0].finish.has_value());
  EXPECT_EQ(events[1].prompt_tokens_done, 300);
  EXPECT_TRUE(events[1].token.has_value());
}

TEST(EngineWithDisk, ALongerPromptBehindTheSameBeginningGoesOnFromIt) {
  const TemporaryFolder folder;
  std::vector<int32_t> prompt = random_prompt(300, 4000, 2);
  (void)run_in_new_engine(with_disk(folder), make_request(prompt, 1));
  prompt.resize(270);
  prompt.insert(prompt.end(), {5, 6, 7});
  const Fresh fresh = run_in_new_engine(with_disk(folder), make_request(prompt, 8));
  EXPECT_EQ(fresh.outcome, run_in_new_engine({}, make_request(prompt, 8)).outcome);
  EXPECT_EQ(fresh.outcome.cached_tokens, 256);
}

TEST(EngineWithDisk, WhatMemoryHasIsNotReadFromDisk) {
  const TemporaryFolder folder;
  const auto engine = load_engine(mini_model(), kContextTokens, with_disk(folder));
  const Request request = make_request(random_prompt(300, 4000, 3), 2);
  (void)run_alone(*engine, request);
  EXPECT_EQ(run_alone(*engine, request).cached_tokens, 256);
  EXPECT_EQ(engine->cache_stats().disk.read_pages, 0);
  EXPECT_EQ(engine->stats().restored_prompt_tokens, 0);
}

TEST(EngineWithDisk, WhatMemoryLostComesBackFromDisk) {
  const TemporaryFolder folder;
  EngineOptions small = with_disk(folder);
  small.cache_bytes = 6 * load_engine(mini_model(), 64)->pages().page_bytes();
  const auto engine = load_engine(mini_model(), 256, small);
  const auto plain = load_engine(mini_model(), 256);
  for (uint64_t i = 0; i < 8; ++i) {
    const Request request = make_request(random_prompt(150, 4000, i % 4), 3);
    const Outcome outcome = run_alone(*engine, request);
    EXPECT_EQ(outcome, run_alone(*plain, request));
    EXPECT_TRUE(i < 4 || outcome.cached_tokens > 0);
  }
  EXPECT_GT(engine->cache_stats().disk.read_pages, 0);
  EXPECT_GT(engine->cache_stats().evicted_pages, 0);
}

TEST(EngineWithDisk, ADamagedPageEndsTheReuseAndNoAnswer) {
  const TemporaryFolder folder;
  const Request request = make_request(random_prompt(600, 4000, 4), 8);
  const Outcome expected = run_in_new_engine(with_disk(folder), request).outcome;
  const std::string segments = segment_folder_path(folder.path());
  int64_t damaged = 0;
  for (const PageKey& key : list_segments(segments)) {
    const auto info = read_segment_info(segments, key);
    if (info->record.depth == 3) {
      flip_bit(segment_path(segments, key), info->bytes / 2, 5);
      ++damaged;
    }
  }
  ASSERT_EQ(damaged, 1);
  const Fresh fresh = run_in_new_engine(with_disk(folder), request);
  EXPECT_EQ(fresh.outcome, expected);
  EXPECT_EQ(fresh.outcome.cached_tokens, 3 * 64);
  EXPECT_EQ(fresh.cache.disk.damaged_pages, 1);
  EXPECT_EQ(run_in_new_engine(with_disk(folder), request).outcome.cached_tokens, 9 * 64)
      << "the page was written anew";
}

TEST(EngineWithDisk, OwnersNeverShare) {
  const TemporaryFolder folder;
  Request request = make_request(random_prompt(200, 4000, 5), 1);
  request.prefix_salt = 1;
  (void)run_in_new_engine(with_disk(folder), request);
  EXPECT_EQ(run_in_new_engine(with_disk(folder), request).outcome.cached_tokens, 192);
  request.prefix_salt = 2;
  EXPECT_EQ(run_in_new_engine(with_disk(folder), request).outcome.cached_tokens, 0);
  request.prefix_salt = 0;
  EXPECT_EQ(run_in_new_engine(with_disk(folder), request).outcome.cached_tokens, 0);
}

TEST(EngineWithDisk, OtherSettingsNeverShare) {
  const TemporaryFolder folder;
  const Request request = make_request(random_prompt(200, 4000, 6), 1);
  (void)run_in_new_engine(with_disk(folder), request);
  const auto cached_with = [&](const std::function<void(EngineOptions&)>& change) {
    EngineOptions options = with_disk(folder);
    change(options);
    return run_in_new_engine(options, request).outcome.cached_tokens;
  };
  EXPECT_EQ(cached_with([](EngineOptions&) {}), 192);
  EXPECT_EQ(cached_with([](EngineOptions& options) { options.chunk_tokens = 100; }), 192)
      << "the length of chunks changes no bit";
  EXPECT_EQ(cached_with([](EngineOptions& options) {
              options.forward.attention = model::AttentionMode::kDense;
            }),
            0);
  EXPECT_EQ(cached_with([](EngineOptions& options) {
              options.forward.numerics = model::Numerics::kReference;
            }),
            0);
  EXPECT_EQ(cached_with([](EngineOptions& options) {
              options.load.encoding = model::WeightEncoding::kInt8;
            }),
            0);
}

TEST(EngineWithDisk, AnotherModelNeverShares) {
  const TemporaryFolder folder;
  const std::string copy = folder.file("model");
  fs::copy(mini_model(), copy);
  const Request request = make_request(random_prompt(200, 4000, 7), 1);
  (void)run_in_new_engine(with_disk(folder), request);
  EXPECT_EQ(run_in_new_engine(with_disk(folder), request, copy).outcome.cached_tokens, 192)
      << "a copy is the same model";
  const std::string weights = copy + "/model.safetensors";
  flip_bit(weights, static_cast<int64_t>(fs::file_size(weights)) / 2);
  EXPECT_EQ(run_in_new_engine(with_disk(folder), request, copy).outcome.cached_tokens, 0);
}

TEST(EngineWithDisk, AnUnusableFolderOnlyMeansNoCacheOnDisk) {
  const TemporaryFolder folder;
  std::ofstream(folder.file("file")) << "no folder";
  EngineOptions options = with_disk(folder);
  options.disk_cache_dir = folder.file("file");
  const Request request = make_request(random_prompt(200, 4000, 8), 2);
  const Fresh fresh = run_in_new_engine(options, request);
  EXPECT_EQ(fresh.outcome, run_in_new_engine({}, request).outcome);
  EXPECT_FALSE(fresh.cache.disk.is_on);
}

// Pages of 8 MiB: two fit into what a step reads while others wait.
TEST(SchedulerWithDisk, PagesComeInPortionsWhileOthersGetTheirTokens) {
  constexpr int64_t kPageBytes = int64_t{8} << 20;
  const TemporaryFolder folder;
  const auto make_sequence = [](RequestId id, std::vector<int32_t> prompt) {
    auto sequence = std::make_unique<Sequence>();
    sequence->id = id;
    sequence->tokens = prompt;
    sequence->max_tokens = std::ssize(prompt) + 10;
    sequence->request.prompt = std::move(prompt);
    return sequence;
  };
  const std::vector<int32_t> document = random_prompt(5 * 64 + 1, 4000, 9);
  {
    DiskCache disk(testing::options_in(folder));
    PagePool pool(kPageBytes, 8);
    PrefixCache prefixes(pool, "test", &disk);
    Scheduler scheduler(pool, &prefixes, 2048);
    scheduler.add(make_sequence(1, document));
    const auto chunks = scheduler.plan();
    chunks.at(0).take_pages();
    scheduler.commit(chunks.at(0));
  }
  DiskCache disk(testing::options_in(folder));
  PagePool pool(kPageBytes, 16);
  PrefixCache prefixes(pool, "test", &disk);
  Scheduler scheduler(pool, &prefixes, 2048);
  scheduler.add(make_sequence(1, random_prompt(10, 4000, 10)));
  const auto first = scheduler.plan();
  first.at(0).take_pages();
  scheduler.commit(first.at(0));
  scheduler.add(make_sequence(2, document));
  std::vector<int64_t> restored;
  for (;;) {
    const auto chunks = scheduler.plan();
    ASSERT_EQ(scheduler.restored().size(), 1U) << "each portion can be told as progress";
    EXPECT_EQ(scheduler.restored()[0]->computed_tokens, 64 * disk.stats().read_pages);
    EXPECT_TRUE(chunks.at(0).is_decode) << "the running answer gets its token in every step";
    restored.push_back(disk.stats().read_pages);
    if (chunks.size() > 1) {
      EXPECT_EQ(chunks.at(1).tokens, 1) << "only what the disk does not have is computed";
      EXPECT_EQ(chunks.at(1).sequence->restored_tokens, 5 * 64);
      break;
    }
  }
  EXPECT_THAT(restored, ::testing::ElementsAre(2, 4, 5));
  (void)scheduler.plan();
  EXPECT_TRUE(scheduler.restored().empty());
}

}  // namespace
}  // namespace levin::runtime
