// The scheduler without a model: tests commit what it plans.
#include "runtime/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/prefill_shares.h"
#include "scheduler_helpers.h"

namespace levin::runtime {
namespace {

using ::testing::ElementsAre;
using testing::make_sequence;
using testing::Parts;
using testing::run;
using testing::shape;

TEST(PrefillBudget, ShrinksAsMoreAnswersRun) {
  EXPECT_EQ(prefill_budget(0, 2048), 2048);
  EXPECT_EQ(prefill_budget(1, 2048), 256);
  EXPECT_EQ(prefill_budget(2, 2048), 128);
  EXPECT_EQ(prefill_budget(4, 2048), 64);
  EXPECT_EQ(prefill_budget(100, 2048), 64);
  EXPECT_EQ(prefill_budget(1, 7), 7);
}

TEST(SplitPrefill, SharesEquallyAndPassesOnWhatShortPromptsLeave) {
  const auto split = [](int64_t budget, std::vector<int64_t> remaining, size_t first) {
    return split_prefill(budget, remaining, first);
  };
  EXPECT_THAT(split(1000, {5000}, 0), ElementsAre(1000));
  EXPECT_THAT(split(1000, {5000, 5000}, 0), ElementsAre(500, 500));
  EXPECT_THAT(split(1000, {5000, 100}, 0), ElementsAre(900, 100));
  EXPECT_THAT(split(1000, {10, 20}, 0), ElementsAre(10, 20));
  EXPECT_THAT(split(100, {500, 500, 500}, 0), ElementsAre(64, 36, 0));
  EXPECT_THAT(split(100, {500, 500, 500}, 2), ElementsAre(36, 0, 64)) << "the turn moves on";
  EXPECT_TRUE(split(100, {}, 3).empty());
}

TEST(Scheduler, FeedsAPromptInChunksAndThenDecodes) {
  PagePool pool(64, 100);
  Scheduler scheduler(pool, nullptr, 100);
  scheduler.add(make_sequence(1, 250, 3));
  for (const int64_t tokens : {100, 100, 50}) {
    const auto chunks = scheduler.plan();
    EXPECT_EQ(shape(chunks), (Parts{{1, tokens}}));
    run(scheduler, chunks);
  }
  EXPECT_EQ(shape(scheduler.plan()), (Parts{{1, 0}}));
}

TEST(Scheduler, APlanThatIsNotCommittedIsPlannedAgain) {
  PagePool pool(64, 100);
  Scheduler scheduler(pool, nullptr, 100);
  scheduler.add(make_sequence(1, 250, 3));
  EXPECT_EQ(shape(scheduler.plan()), (Parts{{1, 100}}));
  EXPECT_EQ(shape(scheduler.plan()), (Parts{{1, 100}}));
}

TEST(Scheduler, MixesDecodeStepsWithSmallChunks) {
  PagePool pool(64, 100);
  Scheduler scheduler(pool, nullptr, 2048);
  scheduler.add(make_sequence(1, 10, 50));
  run(scheduler, scheduler.plan());
  scheduler.add(make_sequence(2, 1000, 10));
  const auto chunks = scheduler.plan();
  EXPECT_EQ(shape(chunks), (Parts{{1, 0}, {2, 256}}));
}

TEST(Scheduler, ARunningAnswerGetsATokenInEveryStepWhileALongPromptIsRead) {
  constexpr int64_t kLongPrompt = 131072;
  PagePool pool(64, 3000);
  Scheduler scheduler(pool, nullptr, 2048);
  scheduler.add(make_sequence(1, 10, 2000));
  run(scheduler, scheduler.plan());
  scheduler.add(make_sequence(2, kLongPrompt, 10));
  int64_t steps = 0;
  for (bool is_reading = true; is_reading; ++steps) {
    const auto chunks = scheduler.plan();
    ASSERT_EQ(chunks.size(), 2U);
    EXPECT_TRUE(chunks[0].is_decode) << "the answer waits for one small chunk at most";
    EXPECT_LE(chunks[1].tokens, 256);
    run(scheduler, chunks);
    is_reading = chunks[1].sequence->is_prefilling();
  }
  EXPECT_EQ(steps, kLongPrompt / 256);
}

TEST(Scheduler, APausedSequenceKeepsItsPagesAndStandsStill) {
  PagePool pool(64, 100);
  Scheduler scheduler(pool, nullptr, 2048);
  scheduler.add(make_sequence(1, 10, 50));
  run(scheduler, scheduler.plan());
  scheduler.add(make_sequence(2, 70, 50));
  scheduler.set_paused(1, true);
  EXPECT_EQ(shape(scheduler.plan()), (Parts{{2, 70}})) << "paused answers hold nobody back";
  scheduler.set_paused(2, true);
  EXPECT_TRUE(scheduler.plan().empty());
  EXPECT_EQ(scheduler.running(), 2);
  scheduler.set_paused(1, false);
  EXPECT_EQ(shape(scheduler.plan()), (Parts{{1, 0}}));
}

TEST(Scheduler, EveryPlannedPositionHasAPage) {
  PagePool pool(64, 100);
  Scheduler scheduler(pool, nullptr, 64);
  scheduler.add(make_sequence(1, 64, 64));
  for (int step = 0; step < 64; ++step) {
    const auto chunks = scheduler.plan();
    ASSERT_EQ(chunks.size(), 1U);
    const Sequence& sequence = *chunks[0].sequence;
    chunks[0].take_pages();
    EXPECT_EQ(pool.held_pages(), pages_for_tokens(sequence.computed_tokens + chunks[0].tokens));
    run(scheduler, chunks);
  }
}

/// Rows of logits in a step, and how many of them of scored prompts.
std::pair<int64_t, int64_t> rows_of_logits(const std::vector<PlannedChunk>& chunks) {
  std::pair<int64_t, int64_t> rows;
  for (const PlannedChunk& chunk : chunks) {
    rows.first += logits_rows(chunk);
    rows.second += chunk.sequence->gives_scores() ? logits_rows(chunk) : 0;
  }
  return rows;
}

TEST(Scheduler, ScoredPromptsShareTheRowsOfLogitsOfAStep) {
  PagePool pool(64, 1000);
  Scheduler scheduler(pool, nullptr, 2048);
  for (RequestId id = 1; id <= 16; ++id) {
    auto scored = make_sequence(id, 300, 1);
    scored->request.wants_prompt_logprobs = true;
    scheduler.add(std::move(scored));
  }
  scheduler.add(make_sequence(17, 3000, 1));
  const auto first = scheduler.plan();
  EXPECT_EQ(rows_of_logits(first).second, kMostScoredRows);
  EXPECT_EQ(first.back().tokens, 2048 - kMostScoredRows) << "the others use what they leave";
  run(scheduler, first);
  int64_t steps = 1;
  while (std::ranges::any_of(scheduler.plan(), [](const PlannedChunk& chunk) {
    return chunk.sequence->is_prefilling();
  })) {
    const auto chunks = scheduler.plan();
    EXPECT_LE(rows_of_logits(chunks).first, kMostScoredRows + 1);
    run(scheduler, chunks);
    ASSERT_LT(++steps, 200);
  }
}

TEST(Scheduler, EveryScoredPromptComesToItsEndBesideAnswersAndOtherPrompts) {
  PagePool pool(64, 5000);
  Scheduler scheduler(pool, nullptr, 2048);
  RequestId id = 0;
  for (; id < 100; ++id) {
    scheduler.add(make_sequence(id, 1, 2000));
  }
  run(scheduler, scheduler.plan());
  for (; id < 104; ++id) {
    auto prompt = make_sequence(id, id % 2 == 0 ? 100 : 10000, 1);
    prompt->request.wants_prompt_logprobs = id % 2 == 0;
    scheduler.add(std::move(prompt));
  }
  int64_t scored = 0;
  for (int step = 0; step < 60 && scored < 200; ++step) {
    const auto chunks = scheduler.plan();
    scored += rows_of_logits(chunks).second;
    EXPECT_LE(rows_of_logits(chunks).first, kMostScoredRows);
    run(scheduler, chunks);
  }
  EXPECT_EQ(scored, 200);
}

TEST(Scheduler, ASequenceWaitsUntilTheNextTokensOfAllAnswersFit) {
  PagePool pool(64, 4);
  Scheduler scheduler(pool, nullptr, 2048);
  scheduler.add(make_sequence(1, 100, 92));  // three pages
  scheduler.add(make_sequence(2, 10, 100));  // two
  EXPECT_EQ(shape(scheduler.plan()), (Parts{{1, 100}}));
  EXPECT_EQ(scheduler.waiting(), 1);
  EXPECT_NE(scheduler.remove(1), nullptr);
  EXPECT_EQ(shape(scheduler.plan()), (Parts{{2, 10}}));
  EXPECT_EQ(scheduler.waiting(), 0);
}

TEST(Scheduler, WhatFitsOvertakesWhatWaitsForPages) {
  PagePool pool(64, 4);
  Scheduler scheduler(pool, nullptr, 2048);
  scheduler.add(make_sequence(1, 100, 92));  // three pages
  scheduler.add(make_sequence(2, 10, 100));  // two: they are not there
  scheduler.add(make_sequence(3, 10, 10));   // one
  EXPECT_EQ(shape(scheduler.plan()), (Parts{{1, 100}, {3, 10}}));
  ASSERT_NE(scheduler.first_waiting(), nullptr);
  EXPECT_EQ(scheduler.first_waiting()->id, 2);
}

/// A big sequence waits behind a running one, small ones come and go beside it.
class SchedulerFairness : public ::testing::Test {
 protected:
  static constexpr RequestId kRunning = 1;
  static constexpr RequestId kBig = 2;

  SchedulerFairness() {
    scheduler_.add(make_sequence(kRunning, 100, 92));  // three pages of four
    run(scheduler_, scheduler_.plan());
    scheduler_.add(make_sequence(kBig, 100, 156));  // all four
  }

  /// True if a small sequence that comes now starts in this step; it ends with it.
  bool small_one_runs() {
    scheduler_.add(make_sequence(++last_id_, 10, 10));
    const auto chunks = scheduler_.plan();
    const bool has_run = shape(chunks).back() == std::pair<RequestId, int64_t>(last_id_, 10);
    EXPECT_NE(scheduler_.remove(last_id_), nullptr);
    return has_run;
  }

  PagePool pool_{64, 4};
  Scheduler scheduler_{pool_, nullptr, 2048};
  RequestId last_id_ = 100;
};

TEST_F(SchedulerFairness, ABigSequenceIsOvertakenBySixteenAndThenByNobody) {
  for (int i = 0; i < kMostOvertakers; ++i) {
    EXPECT_TRUE(small_one_runs()) << i;
  }
  EXPECT_FALSE(small_one_runs());
  EXPECT_FALSE(small_one_runs());
}

TEST_F(SchedulerFairness, ABigSequenceStartsOnceThosePagesAreFreeThatItWaitsFor) {
  while (small_one_runs()) {
  }
  scheduler_.add(make_sequence(3, 10, 10));
  EXPECT_EQ(shape(scheduler_.plan()), (Parts{{kRunning, 0}})) << "the free page is kept for it";
  { const auto ended = scheduler_.remove(kRunning); }
  EXPECT_EQ(shape(scheduler_.plan()), (Parts{{kBig, 100}}));
  { const auto ended = scheduler_.remove(kBig); }
  EXPECT_EQ(shape(scheduler_.plan()), (Parts{{3, 10}}));
}

TEST(Scheduler, EachOfManyOvertakersInOneStepCounts) {
  PagePool pool(64, 40);
  Scheduler scheduler(pool, nullptr, 2048);
  scheduler.add(make_sequence(1, 64, 64));  // two pages
  run(scheduler, scheduler.plan());
  scheduler.add(make_sequence(2, 39 * 64, 64));  // all forty
  for (RequestId id = 100; id < 130; ++id) {
    scheduler.add(make_sequence(id, 10, 10));
  }
  (void)scheduler.plan();
  EXPECT_EQ(scheduler.running(), 1 + kMostOvertakers);
}

TEST(Scheduler, OnlySoManyAdmissionsAreTriedInAStepAndNoneTwiceWithoutNewPages) {
  PagePool pool(64, 4);
  Scheduler scheduler(pool, nullptr, 2048);
  scheduler.add(make_sequence(1, 100, 92));  // three pages
  run(scheduler, scheduler.plan());
  RequestId id = 1;
  for (int i = 0; i < kMostRefusals; ++i) {
    scheduler.add(make_sequence(++id, 100, 92));  // do not fit beside it
  }
  scheduler.add(make_sequence(++id, 10, 10));  // does
  EXPECT_EQ(shape(scheduler.plan()), (Parts{{1, 0}})) << "the tries of this step are spent";
  EXPECT_EQ(shape(scheduler.plan()), (Parts{{1, 0}, {id, 10}})) << "the others were not repeated";
}

TEST(Scheduler, RemovingGivesPagesBack) {
  PagePool pool(64, 4);
  Scheduler scheduler(pool, nullptr, 2048);
  scheduler.add(make_sequence(1, 200, 56));
  run(scheduler, scheduler.plan());
  EXPECT_EQ(pool.available_pages(), 0);
  EXPECT_EQ(scheduler.remove(7), nullptr);
  { const auto removed = scheduler.remove(1); }
  EXPECT_EQ(pool.available_pages(), 4);
  EXPECT_TRUE(scheduler.is_empty());
}

TEST(Scheduler, NothingIsPlannedWhileOthersHoldThePages) {
  PagePool pool(64, 4);
  ASSERT_TRUE(pool.try_reserve(3));
  Scheduler scheduler(pool, nullptr, 2048);
  scheduler.add(make_sequence(1, 100, 50));
  EXPECT_TRUE(scheduler.plan().empty());
  ASSERT_NE(scheduler.first_waiting(), nullptr);
  EXPECT_EQ(scheduler.first_waiting()->id, 1);
}

class SchedulerSharing : public ::testing::Test {
 protected:
  void finish_prompt(RequestId id) {
    while (true) {
      const auto chunks = scheduler_.plan();
      run(scheduler_, chunks);
      for (const PlannedChunk& chunk : chunks) {
        if (chunk.sequence->id == id && !chunk.sequence->is_prefilling()) {
          return;
        }
      }
    }
  }

  PagePool pool_{64, 20};
  PrefixCache prefixes_{pool_};
  Scheduler scheduler_{pool_, &prefixes_, 100};
};

TEST_F(SchedulerSharing, ALaterPromptSkipsTheSharedPages) {
  scheduler_.add(make_sequence(1, 200, 10));
  finish_prompt(1);
  EXPECT_EQ(prefixes_.size(), 3) << "the fourth page is not full";
  scheduler_.add(make_sequence(2, 300, 10));
  const auto chunks = scheduler_.plan();
  ASSERT_EQ(chunks.size(), 2U);
  EXPECT_EQ(chunks[1].sequence->cached_tokens, 192);
  EXPECT_EQ(chunks[1].sequence->computed_tokens, 192);
}

TEST_F(SchedulerSharing, OneTokenOfThePromptIsAlwaysComputed) {
  scheduler_.add(make_sequence(1, 128, 10));
  finish_prompt(1);
  EXPECT_EQ(prefixes_.size(), 2);
  scheduler_.add(make_sequence(2, 128, 10));
  const auto chunks = scheduler_.plan();
  EXPECT_EQ(chunks[1].sequence->cached_tokens, 64);
}

TEST_F(SchedulerSharing, DecodedPagesAreNotShared) {
  scheduler_.add(make_sequence(1, 60, 100));
  finish_prompt(1);
  for (int i = 0; i < 80; ++i) {
    run(scheduler_, scheduler_.plan());
  }
  EXPECT_EQ(prefixes_.size(), 0) << "no page was computed by prefill alone";
}

TEST_F(SchedulerSharing, EqualPromptsAtTheSameTimeEndWithOneCopy) {
  scheduler_.add(make_sequence(1, 256, 10));
  scheduler_.add(make_sequence(2, 256, 10));
  finish_prompt(2);
  finish_prompt(1);
  EXPECT_EQ(prefixes_.size(), 4);
  EXPECT_EQ(pool_.held_pages(), 4 + 2) << "four shared pages and one of each for the answers";
}

TEST_F(SchedulerSharing, ARefusedSequenceIsTriedAgainWhenAPageOfItsPromptIsPublished) {
  scheduler_.add(make_sequence(1, 64 * 16, 64));  // 17 of 20 pages
  scheduler_.add(make_sequence(2, 64 * 5, 64));   // 6 pages, the first 4 of them like the other's
  const auto first = scheduler_.plan();
  EXPECT_EQ(shape(first), (Parts{{1, 100}})) << "3 pages are left";
  run(scheduler_, first);  // publishes one page
  const auto second = scheduler_.plan();
  EXPECT_EQ(scheduler_.waiting(), 1) << "5 of its 6 pages are still to be found";
  run(scheduler_, second);  // two more
  const auto third = scheduler_.plan();
  ASSERT_EQ(scheduler_.waiting(), 0);
  EXPECT_EQ(third.back().sequence->cached_tokens, 64 * 3);
}

TEST_F(SchedulerSharing, AWaitingSequenceHoldsNoSharedPages) {
  scheduler_.add(make_sequence(1, 128, 10));
  finish_prompt(1);
  { const auto removed = scheduler_.remove(1); }
  scheduler_.add(make_sequence(2, 64 * 17 + 10, 54, 5000));  // 18 pages of another prompt
  run(scheduler_, scheduler_.plan());
  scheduler_.add(make_sequence(3, 200, 10));  // 4 pages, 2 of them cached
  (void)scheduler_.plan();
  EXPECT_EQ(scheduler_.waiting(), 1);
  EXPECT_EQ(pool_.idle_pages(), 2);
  EXPECT_EQ(pool_.available_pages(), 2);
}

}  // namespace
}  // namespace levin::runtime
