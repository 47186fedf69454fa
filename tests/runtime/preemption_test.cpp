// What happens when running answers need more pages than there are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/scheduler.h"
#include "scheduler_helpers.h"

namespace levin::runtime {
namespace {

using testing::make_sequence;
using testing::Parts;
using testing::run;
using testing::shape;

/// Twelve pages: two short prompts are admitted, their long answers do not fit together.
class Preemption : public ::testing::Test {
 protected:
  static constexpr int64_t kPages = 12;
  static constexpr int64_t kLongAnswer = 9 * 64;

  void add(RequestId id, int64_t prompt_tokens = 64, int64_t max_new_tokens = kLongAnswer) {
    scheduler_.add(make_sequence(id, prompt_tokens, max_new_tokens, static_cast<int32_t>(id)));
  }
  void step() { run(scheduler_, scheduler_.plan()); }
  /// Steps until so many preemptions have happened, at most a thousand times.
  void step_until(int64_t preemptions) {
    for (int i = 0; i < 1000 && scheduler_.preemptions() < preemptions; ++i) {
      step();
    }
    ASSERT_EQ(scheduler_.preemptions(), preemptions);
  }
  void end(RequestId id) { ASSERT_NE(scheduler_.remove(id), nullptr); }
  [[nodiscard]] RequestId first_waiting() const {
    return scheduler_.first_waiting() == nullptr ? 0 : scheduler_.first_waiting()->id;
  }

  PagePool pool_{64, kPages};
  Scheduler scheduler_{pool_, nullptr, 2048};
};

TEST(Scheduler, PagesThatNobodyUsesMakeNobodyWait) {
  PagePool pool(64, 403);
  Scheduler scheduler(pool, nullptr, 2048);
  for (RequestId id = 1; id <= 6; ++id) {
    scheduler.add(make_sequence(id, 100, 16384 - 100));  // 256 pages, should one need them all
  }
  run(scheduler, scheduler.plan());
  EXPECT_EQ(scheduler.running(), 6);
  EXPECT_EQ(pool.held_pages() + pool.reserved_pages(), 6 * 2) << "of what is known";
}

TEST_F(Preemption, TheYoungestGivesWayAndIsComputedAgainInTheSameForms) {
  add(1);
  add(2);
  step_until(1);
  EXPECT_EQ(scheduler_.running(), 1);
  ASSERT_EQ(first_waiting(), 2);
  const Sequence& second = *scheduler_.first_waiting();
  const int64_t tokens = second.token_count();
  EXPECT_EQ(tokens, 6 * 64 + 1) << "six pages of each, and a token without its row";
  EXPECT_EQ(second.pages, nullptr);
  EXPECT_EQ(pool_.held_pages(), 7);
  step();
  EXPECT_EQ(first_waiting(), 2) << "what it would need is not there";
  end(1);
  const auto prompt = scheduler_.plan();
  EXPECT_EQ(shape(prompt), (Parts{{2, 64}}));
  EXPECT_FALSE(prompt[0].is_decode);
  EXPECT_FALSE(gives_token(prompt[0]));
  run(scheduler_, prompt);
  const auto answer = scheduler_.plan();
  EXPECT_EQ(shape(answer), (Parts{{2, tokens - 1 - 64}}));
  EXPECT_TRUE(answer[0].is_decode);
  EXPECT_EQ(logits_rows(answer[0]), 0);
  run(scheduler_, answer);
  EXPECT_EQ(shape(scheduler_.plan()), (Parts{{2, 0}}));
  EXPECT_EQ(second.token_count(), tokens) << "nothing is drawn twice";
}

TEST_F(Preemption, WhatIsComputedAgainSharesTheBudgetOfPrompts) {
  add(1);
  add(2);
  step_until(1);
  add(3, 5, 10);
  end(1);
  step();  // the prompt of 2, and 3
  EXPECT_EQ(shape(scheduler_.plan()), (Parts{{3, 0}, {2, 256}})) << "beside an answer";
}

TEST_F(Preemption, NobodyWhoCameLaterIsAdmittedBefore) {
  add(1);
  add(2);
  step_until(1);
  add(3, 5, 10);  // would fit
  step();
  EXPECT_EQ(scheduler_.running(), 1);
  EXPECT_EQ(first_waiting(), 2);
  end(1);
  step();
  EXPECT_EQ(scheduler_.running(), 2);
}

TEST_F(Preemption, WhoWasPreemptedWaitsAtItsPlaceInTheOrderOfArrival) {
  add(1, 10, kLongAnswer);
  add(2, 64 * 10, 64);
  add(3, 10, kLongAnswer);  // overtakes
  step();
  EXPECT_EQ(scheduler_.running(), 2);
  step_until(1);
  EXPECT_EQ(scheduler_.waiting(), 2);
  EXPECT_EQ(first_waiting(), 2);
}

TEST_F(Preemption, APausedSequenceGivesWayFirstAndHoldsUpNobody) {
  add(1);
  add(2);
  for (int i = 0; i < 200; ++i) {
    step();
  }
  scheduler_.set_paused(1, true);
  step_until(1);
  EXPECT_EQ(scheduler_.running(), 1);
  EXPECT_EQ(first_waiting(), 0) << "the one that waits is paused";
  add(3, 5, 10);
  step();
  EXPECT_EQ(scheduler_.running(), 2) << "it came later, but nobody waits for a paused one";
  scheduler_.set_paused(1, false);
  EXPECT_EQ(first_waiting(), 1);
  add(4, 5, 10);
  step();
  EXPECT_EQ(first_waiting(), 1) << "the pages that it needs are not there";
  EXPECT_EQ(scheduler_.waiting(), 2) << "the last one came later";
  end(2);
  step();
  EXPECT_EQ(scheduler_.waiting(), 0);
}

TEST_F(Preemption, PausedSequencesDoNotKeepPagesWhileNothingElseRuns) {
  add(1, 64 * 6, 64);
  add(2, 64 * 4, 64);
  step();
  scheduler_.set_paused(1, true);
  scheduler_.set_paused(2, true);
  add(3, 64 * 2, 64);
  EXPECT_EQ(shape(scheduler_.plan()), (Parts{{3, 128}}));
  EXPECT_EQ(scheduler_.preemptions(), 1);
  EXPECT_EQ(pool_.held_pages() + pool_.reserved_pages(), 6 + 2) << "the youngest of them is enough";
}

TEST_F(Preemption, ALoneSequenceGetsEveryPage) {
  add(1, 64, (kPages - 1) * 64);
  for (int64_t i = 0; i < (kPages - 1) * 64; ++i) {
    step();
  }
  EXPECT_EQ(scheduler_.preemptions(), 0);
  EXPECT_EQ(pool_.available_pages(), 0);
}

TEST_F(Preemption, OneThatOthersOutsideLeaveNoPagesWaits) {
  ASSERT_TRUE(pool_.try_reserve(6));
  add(1);
  step_until(1);
  EXPECT_EQ(scheduler_.running(), 0);
  EXPECT_EQ(first_waiting(), 1);
  EXPECT_TRUE(scheduler_.plan().empty());
  pool_.unreserve(6);
  EXPECT_EQ(shape(scheduler_.plan()), (Parts{{1, 64}}));
}

TEST_F(Preemption, CancellingAtAnyMomentLeavesNoPages) {
  add(1);
  add(2);
  step_until(1);
  end(2);  // while it waits
  add(3, 64 * 4, 64);
  end(1);
  step();
  end(3);  // while its prompt is read
  EXPECT_EQ(pool_.available_pages(), kPages);
  EXPECT_TRUE(scheduler_.is_empty());
}

/// A second prompt is interrupted in its middle and comes back to the pages that it has shared.
TEST(PreemptionOfAPrompt, ComesBackToWhatItHasSharedAndGoesOnWhereItWas) {
  PagePool pool(64, 20);
  PrefixCache prefixes(pool);
  Scheduler scheduler(pool, &prefixes, 100);
  scheduler.add(make_sequence(1, 64, 64 * 12, 5000));
  run(scheduler, scheduler.plan());
  for (int i = 0; i < 64; ++i) {
    run(scheduler, scheduler.plan());
  }
  auto second = make_sequence(2, 64 * 11, 64);
  second->request.wants_prompt_logprobs = true;
  scheduler.add(std::move(second));
  for (int i = 0; i < 5; ++i) {
    run(scheduler, scheduler.plan());  // 100 tokens each beside an answer
  }
  scheduler.set_paused(2, true);
  while (scheduler.preemptions() == 0) {
    run(scheduler, scheduler.plan());
  }
  scheduler.set_paused(2, false);
  { const auto ended = scheduler.remove(1); }
  const auto again = scheduler.plan();
  ASSERT_EQ(shape(again), (Parts{{2, 500 - 7 * 64}})) << "seven pages were full and are shared";
  EXPECT_TRUE(again[0].is_recomputed);
  EXPECT_EQ(logits_rows(again[0]), 0) << "their log-probabilities have been told";
  EXPECT_EQ(again[0].sequence->cached_tokens, 0) << "as it was told at first";
  run(scheduler, again);
  const auto fresh = scheduler.plan();
  EXPECT_EQ(shape(fresh), (Parts{{2, 100}}));
  EXPECT_EQ(logits_rows(fresh[0]), 100);
}

/// What was found in the cache counts once something behind it was read: whoever is cancelled
/// before has read no prompt, and so none of it from the cache.
TEST(PreemptionOfAPrompt, ThatHadNotBegunLeavesNothingThatWasFoundForIt) {
  PagePool pool(64, 12);
  PrefixCache prefixes(pool);
  Scheduler scheduler(pool, &prefixes, 1000);
  scheduler.add(make_sequence(1, 128, 1));
  run(scheduler, scheduler.plan());
  { const auto ended = scheduler.remove(1); }
  scheduler.add(make_sequence(2, 64, 64 * 11, 5000));
  run(scheduler, scheduler.plan());
  scheduler.add(make_sequence(3, 300, 64));
  ASSERT_EQ(scheduler.plan().back().sequence->cached_tokens, 128) << "planned, and never run";
  scheduler.set_paused(3, true);
  while (scheduler.preemptions() == 0) {
    run(scheduler, scheduler.plan());
  }
  scheduler.set_paused(3, false);
  const auto cancelled = scheduler.remove(3);
  EXPECT_EQ(cancelled->told_tokens, 0);
  EXPECT_EQ(cancelled->cached_tokens, 0);
}

}  // namespace
}  // namespace levin::runtime
