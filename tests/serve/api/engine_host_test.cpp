// The host with jobs that note what they are told.
#include "serve/api/engine_host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <optional>
#include <stdexcept>

#include "runtime/allocation_failure.h"
#include "service_fixture.h"

namespace levin::serve::api {
namespace {

using runtime::FinishReason;
using std::chrono::milliseconds;

/// Asks for `max_tokens` tokens after a prompt of `prompt_tokens`.
class NotingJob : public Job {
 public:
  NotingJob(int64_t prompt_tokens, int64_t max_tokens) {
    request_.prompt.assign(static_cast<size_t>(prompt_tokens), 5);
    request_.max_new_tokens = max_tokens;
  }

  [[nodiscard]] size_t held_bytes() const override { return held; }
  runtime::Request take_request() override {
    runtime::Request request = request_;
    if (fails_allocation >= 0) {
      levin::testing::fail_allocation(fails_allocation);
    }
    return request;
  }
  Wish on_event(const runtime::TokenEvent& event) override {
    levin::testing::stop_failing_allocations();
    tokens += event.token.has_value() ? 1 : 0;
    if (turn.has_value() && tokens == turn->tokens) {
      wish = turn->wish;
    }
    if (event.finish.has_value()) {
      end_.set_value(*event.finish);
    }
    if (throws_at > 0 && tokens >= throws_at && !event.finish.has_value()) {
      if (throws_a_number) {
        throw 7;  // NOLINT(hicpp-exception-baseclass): what the host does not know
      }
      throw std::runtime_error("a broken job");
    }
    return Wish::kGoOn;
  }
  Wish on_tick(Clock::time_point /*now*/) override {
    levin::testing::stop_failing_allocations();
    if (before_step) {
      before_step();
    }
    const Wish now = wish;
    if (now == Wish::kCancel && fails_to_cancel.exchange(false)) {
      levin::testing::fail_allocation(0);
    }
    return now;
  }

  /// How it ended.
  FinishReason wait() {
    EXPECT_EQ(future_.wait_for(std::chrono::minutes(2)), std::future_status::ready);
    return future_.get();
  }
  void wait_for_tokens(int64_t count) const {
    while (tokens < count) {
      std::this_thread::sleep_for(milliseconds(1));
    }
  }

  std::atomic<int64_t> tokens{0};
  std::atomic<Wish> wish{Wish::kGoOn};
  struct Turn {
    int64_t tokens = 0;
    Wish wish = Wish::kGoOn;
  };
  std::optional<Turn> turn;                  // what it wishes after so many tokens
  std::atomic<bool> fails_to_cancel{false};  // at the first attempt
  std::function<void()> before_step;
  size_t held = 0;
  int64_t throws_at = 0;
  bool throws_a_number = false;
  int64_t fails_allocation = -1;  // after the request was taken

 private:
  runtime::Request request_;
  std::promise<FinishReason> end_;
  std::future<FinishReason> future_ = end_.get_future();
};

class EngineHostOnMini : public ::testing::Test {
 protected:
  EngineHostOnMini() { restart({.max_waiting = 64}); }

  void restart(const EngineHostOptions& host_options) {
    runtime::EngineOptions options;
    options.threads = 1;
    options.context_tokens = 1024;
    host_.reset();
    host_ = std::make_unique<EngineHost>(runtime::Engine::load(testing::mini_model(), options),
                                         host_options);
  }

  EngineHost::Admission submit(const std::shared_ptr<Job>& job) { return host_->submit({&job, 1}); }

  static std::shared_ptr<NotingJob> job(int64_t prompt_tokens, int64_t max_tokens) {
    return std::make_shared<NotingJob>(prompt_tokens, max_tokens);
  }

  std::unique_ptr<EngineHost> host_;
};

TEST_F(EngineHostOnMini, RunsJobsToTheirEnd) {
  const auto first = job(10, 5);
  const auto second = job(20, 7);
  EXPECT_EQ(submit(first), EngineHost::Admission::kAccepted);
  EXPECT_EQ(submit(second), EngineHost::Admission::kAccepted);
  EXPECT_EQ(first->wait(), FinishReason::kLength);
  EXPECT_EQ(second->wait(), FinishReason::kLength);
  EXPECT_EQ(first->tokens, 5);
  EXPECT_EQ(second->tokens, 7);
}

TEST_F(EngineHostOnMini, ARequestThatTheEngineRefusesEndsAloneWithAnError) {
  const auto empty = job(0, 5);
  const auto good = job(10, 5);
  EXPECT_EQ(submit(empty), EngineHost::Admission::kAccepted);
  EXPECT_EQ(submit(good), EngineHost::Admission::kAccepted);
  EXPECT_EQ(empty->wait(), FinishReason::kError);
  EXPECT_EQ(good->wait(), FinishReason::kLength);
}

TEST_F(EngineHostOnMini, AJobThatThrowsIsCancelledAndTheOthersGoOn) {
  const auto broken = job(10, 500);
  broken->throws_at = 2;
  const auto good = job(10, 20);
  EXPECT_EQ(submit(broken), EngineHost::Admission::kAccepted);
  EXPECT_EQ(submit(good), EngineHost::Admission::kAccepted);
  EXPECT_EQ(broken->wait(), FinishReason::kCancelled);
  EXPECT_LE(broken->tokens, 3);
  EXPECT_EQ(good->wait(), FinishReason::kLength);
}

TEST_F(EngineHostOnMini, AJobThatThrowsWhatIsNoExceptionIsCancelledToo) {
  const auto broken = job(10, 500);
  broken->throws_at = 2;
  broken->throws_a_number = true;
  EXPECT_EQ(submit(broken), EngineHost::Admission::kAccepted);
  EXPECT_EQ(broken->wait(), FinishReason::kCancelled);
}

TEST_F(EngineHostOnMini, ARequestThatCannotBeNotedDoesNotRunWithoutAnOwner) {
  if (!levin::testing::kAllocationsCanFail) {
    GTEST_SKIP() << "no allocation can fail here";
  }
  int64_t refused = 0;
  for (int64_t allocation = 0; allocation < 12; ++allocation) {
    const auto failing = job(10, 1000);
    failing->fails_allocation = allocation;
    failing->wish = Wish::kCancel;  // if it begins after all
    EXPECT_EQ(submit(failing), EngineHost::Admission::kAccepted);
    refused += failing->wait() == FinishReason::kError ? 1 : 0;
  }
  EXPECT_GT(refused, 2) << "the sequence, its tokens, its place among the jobs";
  EXPECT_LT(refused, 12);
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_EQ(host_->stats().engine.steps, 0);
  EXPECT_EQ(host_->stats().cache.held_pages, 0);
}

TEST_F(EngineHostOnMini, ACancelledJobGetsAtMostOneMoreToken) {
  const auto cancelled = job(10, 900);
  cancelled->turn = {3, Wish::kCancel};
  EXPECT_EQ(submit(cancelled), EngineHost::Admission::kAccepted);
  EXPECT_EQ(cancelled->wait(), FinishReason::kCancelled);
  EXPECT_LE(cancelled->tokens, 4);
  EXPECT_EQ(host_->drain(milliseconds(10'000)), 0);
  EXPECT_EQ(host_->stats().cache.held_pages, 0);
}

TEST_F(EngineHostOnMini, WhatCannotBeCancelledForWantOfMemoryIsCancelledLater) {
  if (!levin::testing::kAllocationsCanFail) {
    GTEST_SKIP() << "no allocation can fail here";
  }
  const auto cancelled = job(10, 900);
  cancelled->fails_to_cancel = true;
  cancelled->turn = {3, Wish::kCancel};
  EXPECT_EQ(submit(cancelled), EngineHost::Admission::kAccepted);
  EXPECT_EQ(cancelled->wait(), FinishReason::kCancelled);
  EXPECT_FALSE(cancelled->fails_to_cancel);
  EXPECT_EQ(host_->drain(milliseconds(10'000)), 0);
}

TEST_F(EngineHostOnMini, AJobThatIsPausedBeforeItBeginsCountsAsWaiting) {
  const auto paused = job(10, 5);
  paused->wish = Wish::kPause;
  EXPECT_EQ(submit(paused), EngineHost::Admission::kAccepted);
  std::this_thread::sleep_for(milliseconds(60));
  EngineHostStats stats = host_->stats();
  EXPECT_EQ(stats.waiting, 1);
  EXPECT_EQ(stats.running, 0);
  EXPECT_EQ(stats.paused, 0);
  paused->wish = Wish::kGoOn;
  EXPECT_EQ(paused->wait(), FinishReason::kLength);
}

TEST_F(EngineHostOnMini, APausedJobStandsStillWhileOthersGoOn) {
  const auto paused = job(10, 200);
  paused->turn = {3, Wish::kPause};
  EXPECT_EQ(submit(paused), EngineHost::Admission::kAccepted);
  paused->wait_for_tokens(3);
  const auto other = job(10, 30);
  EXPECT_EQ(submit(other), EngineHost::Admission::kAccepted);
  EXPECT_EQ(other->wait(), FinishReason::kLength);
  std::this_thread::sleep_for(milliseconds(60));
  EXPECT_EQ(paused->tokens, 3);
  EXPECT_EQ(host_->stats().paused, 1);
  paused->wish = Wish::kGoOn;
  EXPECT_EQ(paused->wait(), FinishReason::kLength);
  EXPECT_EQ(paused->tokens, 200);
}

TEST_F(EngineHostOnMini, TheQueueIsBounded) {
  restart({.max_waiting = 2});
  const auto running = job(10, 1000);
  running->turn = {1, Wish::kPause};
  EXPECT_EQ(submit(running), EngineHost::Admission::kAccepted);
  running->wait_for_tokens(1);
  const auto second = job(10, 1000);
  const auto third = job(10, 1000);
  second->wish = Wish::kPause;  // before it has begun: it waits
  third->wish = Wish::kPause;
  EXPECT_EQ(submit(second), EngineHost::Admission::kAccepted);
  EXPECT_EQ(submit(third), EngineHost::Admission::kAccepted);
  EXPECT_EQ(host_->ask(), EngineHost::Admission::kQueueFull);
  EXPECT_EQ(submit(job(10, 1)), EngineHost::Admission::kQueueFull);
  EXPECT_GE(host_->retry_after_s(), 1);
  EXPECT_EQ(host_->stats().waiting, 2);
  for (const auto& waiting : {running, second, third}) {
    waiting->wish = Wish::kCancel;
    EXPECT_EQ(waiting->wait(), FinishReason::kCancelled);
  }
}

TEST_F(EngineHostOnMini, TheBytesOfTheQueueAreBounded) {
  restart({.max_waiting = 64, .max_waiting_bytes = 100});
  const auto paused_job = [](size_t held) {
    auto made = job(10, 5);
    made->held = held;
    made->wish = Wish::kPause;  // before it has begun: it waits
    return made;
  };
  const auto large = paused_job(1000);
  EXPECT_EQ(submit(large), EngineHost::Admission::kAccepted) << "alone";
  EXPECT_EQ(submit(paused_job(1)), EngineHost::Admission::kQueueFull);
  large->wish = Wish::kGoOn;
  large->wait_for_tokens(1);
  const auto first = paused_job(60);
  const auto second = paused_job(40);
  EXPECT_EQ(submit(first), EngineHost::Admission::kAccepted) << "the large one waits no longer";
  EXPECT_EQ(submit(paused_job(41)), EngineHost::Admission::kQueueFull);
  EXPECT_EQ(submit(second), EngineHost::Admission::kAccepted);
  for (const auto& waiting : {first, second}) {
    waiting->wish = Wish::kGoOn;
    EXPECT_EQ(waiting->wait(), FinishReason::kLength);
  }
}

TEST_F(EngineHostOnMini, SeveralJobsAreTakenTogetherOrNotAtAll) {
  restart({.max_waiting = 2});
  const std::vector<std::shared_ptr<Job>> three{job(10, 1), job(10, 1), job(10, 1)};
  EXPECT_EQ(host_->ask(), EngineHost::Admission::kAccepted) << "one would fit";
  EXPECT_EQ(host_->submit(three), EngineHost::Admission::kQueueFull);
  EXPECT_EQ(host_->stats().waiting, 0);
}

TEST_F(EngineHostOnMini, DrainWaitsAndRefusesFurtherJobs) {
  const auto running = job(10, 50);
  EXPECT_EQ(submit(running), EngineHost::Admission::kAccepted);
  EXPECT_EQ(host_->drain(std::chrono::minutes(1)), 0);
  EXPECT_EQ(running->wait(), FinishReason::kLength);
  EXPECT_EQ(host_->ask(), EngineHost::Admission::kDraining);
  EXPECT_EQ(submit(job(10, 5)), EngineHost::Admission::kDraining);
}

TEST_F(EngineHostOnMini, DrainCancelsWhatTakesTooLong) {
  const auto stuck = job(10, 500);
  stuck->wish = Wish::kPause;
  EXPECT_EQ(submit(stuck), EngineHost::Admission::kAccepted);
  EXPECT_EQ(host_->drain(milliseconds(30)), 1);
  EXPECT_EQ(stuck->wait(), FinishReason::kCancelled);
}

TEST_F(EngineHostOnMini, DrainBreaksOffTheRunningStep) {
  const auto reading = job(1000, 1);
  std::future<int64_t> cut_off;
  reading->before_step = [&] {
    if (!cut_off.valid()) {
      cut_off = std::async(std::launch::async, [&] { return host_->drain(milliseconds(0)); });
      while (host_->ask() != EngineHost::Admission::kDraining) {
        std::this_thread::yield();
      }
      std::this_thread::sleep_for(milliseconds(500));  // until it has lost its patience
    }
  };
  EXPECT_EQ(submit(reading), EngineHost::Admission::kAccepted);
  EXPECT_EQ(reading->wait(), FinishReason::kCancelled);
  EXPECT_EQ(cut_off.get(), 1);
  EXPECT_EQ(host_->stats().engine.steps, 0) << "the step that had begun was computed to its end";
}

TEST_F(EngineHostOnMini, TheDestructorEndsWhatRuns) {
  const auto running = job(10, 1000);
  running->before_step = [] { std::this_thread::sleep_for(milliseconds(5)); };
  EXPECT_EQ(submit(running), EngineHost::Admission::kAccepted);
  host_.reset();
  EXPECT_EQ(running->wait(), FinishReason::kCancelled);
}

}  // namespace
}  // namespace levin::serve::api
