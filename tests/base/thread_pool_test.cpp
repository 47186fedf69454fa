#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/error.h"

namespace levin::base {
namespace {

class ThreadPoolWith : public ::testing::TestWithParam<int> {
 protected:
  ThreadPool pool_{GetParam()};
};

TEST_P(ThreadPoolWith, RunsEveryTaskOnceAndReturnsWhenAllAreDone) {
  for (const int64_t tasks : {0, 1, 2, 7, 1000}) {
    std::vector<std::atomic<int>> runs(static_cast<size_t>(tasks));
    pool_.parallel_for(tasks, [&](int64_t task_idx, int thread_idx) {
      EXPECT_GE(thread_idx, 0);
      EXPECT_LT(thread_idx, pool_.thread_count());
      runs[static_cast<size_t>(task_idx)].fetch_add(1, std::memory_order_relaxed);
    });
    for (const auto& count : runs) {
      EXPECT_EQ(count.load(), 1);
    }
  }
}

TEST_P(ThreadPoolWith, WhatTasksWroteIsVisibleAfterwards) {
  std::vector<int64_t> plain(512);  // no atomics: the pool orders the accesses
  for (int64_t round = 1; round <= 200; ++round) {
    pool_.parallel_for(512, [&](int64_t task_idx, int /*thread_idx*/) {
      plain[static_cast<size_t>(task_idx)] += task_idx;
    });
    ASSERT_EQ(plain[511], 511 * round);
  }
}

TEST_P(ThreadPoolWith, AThreadIndexIsNeverUsedTwiceAtOnce) {
  std::vector<std::atomic<bool>> in_use(static_cast<size_t>(pool_.thread_count()));
  pool_.parallel_for(500, [&](int64_t /*task_idx*/, int thread_idx) {
    auto& flag = in_use[static_cast<size_t>(thread_idx)];
    EXPECT_FALSE(flag.exchange(true));
    std::this_thread::yield();
    flag.store(false);
  });
}

TEST_P(ThreadPoolWith, AnExceptionOfATaskReachesTheCaller) {
  for (int round = 0; round < 5; ++round) {
    EXPECT_THROW(pool_.parallel_for(50,
                                    [](int64_t task_idx, int /*thread_idx*/) {
                                      if (task_idx == 20) {
                                        throw std::out_of_range("task 20");
                                      }
                                    }),
                 std::out_of_range);
    std::atomic<int> runs{0};
    pool_.parallel_for(50, [&](int64_t /*task_idx*/, int /*thread_idx*/) { ++runs; });
    EXPECT_EQ(runs.load(), 50) << "the pool stays usable";
  }
}

TEST_P(ThreadPoolWith, ACancelledTokenStopsALoopBetweenTasks) {
  CancelToken token;
  pool_.set_cancel(&token);
  std::atomic<int64_t> runs{0};
  try {
    pool_.parallel_for(1'000'000, [&](int64_t /*task_idx*/, int /*thread_idx*/) {
      if (runs.fetch_add(1) == 10) {
        token.cancel();
      }
    });
    FAIL() << "an error was expected";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  }
  EXPECT_LT(runs.load(), 1'000'000);
  runs = 0;
  EXPECT_THROW(pool_.parallel_for(1, [&](int64_t, int) { ++runs; }), Error);
  EXPECT_EQ(runs.load(), 0) << "no task starts while the token is set";
  token.reset();
  EXPECT_NO_THROW(pool_.parallel_for(5, [&](int64_t, int) { ++runs; }));
  EXPECT_EQ(runs.load(), 5);
  pool_.set_cancel(nullptr);
}

TEST_P(ThreadPoolWith, WorkersWakeUpAfterTheySlept) {
  std::atomic<int> runs{0};
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // longer than workers spin
    pool_.parallel_for(8, [&](int64_t, int) { ++runs; });
  }
  EXPECT_EQ(runs.load(), 40);
}

TEST_P(ThreadPoolWith, LoopsInQuickSuccessionNeverTakeEachOthersTasks) {
  // Workers that are late for a loop meet the next one, which has other tasks and another body.
  for (int64_t round = 0; round < 3000; ++round) {
    const int64_t tasks = 1 + round % 9;
    std::vector<int64_t> seen(static_cast<size_t>(tasks), -1);
    pool_.parallel_for(tasks, [&seen, round](int64_t task_idx, int /*thread_idx*/) {
      seen[static_cast<size_t>(task_idx)] = round;
    });
    ASSERT_EQ(seen, std::vector<int64_t>(static_cast<size_t>(tasks), round));
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolWith, ::testing::Values(1, 2, 3, 8));

TEST(ThreadPool, ZeroThreadsMeansOnePerUsableCore) {
  EXPECT_GE(ThreadPool(0).thread_count(), 1);
  EXPECT_EQ(ThreadPool(3).thread_count(), 3);
}

}  // namespace
}  // namespace levin::base
