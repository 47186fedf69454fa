// Where the system refuses memory, nothing that others need is lost.
#include "runtime/allocation_failure.h"

#include <gtest/gtest.h>

#include <new>

#include "runtime/scheduler.h"
#include "scheduler_helpers.h"

namespace levin::runtime {
namespace {

using levin::testing::fail_allocation;
using levin::testing::kAllocationsCanFail;
using levin::testing::stop_failing_allocations;
using testing::make_sequence;
using testing::run;

/// Plans with one allocation failing; true if the plan came about all the same.
bool plans_without(Scheduler& scheduler, int64_t allocations) {
  fail_allocation(allocations);
  try {
    (void)scheduler.plan();
  } catch (const std::bad_alloc&) {
    stop_failing_allocations();
    return false;
  }
  return true;
}

TEST(AllocationFailure, AnAdmissionThatFailsKeepsNoPages) {
  if (!kAllocationsCanFail) {
    GTEST_SKIP() << "no allocation can fail here";
  }
  int64_t allocations = 0;
  for (bool has_failed = true; has_failed; ++allocations) {
    PagePool pool(64, 20);
    PrefixCache prefixes(pool);
    Scheduler scheduler(pool, &prefixes, 200);
    scheduler.add(make_sequence(1, 200, 10));
    run(scheduler, scheduler.plan());
    { const auto ended = scheduler.remove(1); }
    ASSERT_EQ(pool.idle_pages(), 3);
    scheduler.add(make_sequence(2, 300, 10));
    (void)plans_without(scheduler, allocations);
    has_failed = stop_failing_allocations() || scheduler.running() == 0;
    { const auto ended = scheduler.remove(2); }
    EXPECT_EQ(pool.available_pages(), 20) << "allocation " << allocations;
    has_failed = has_failed && allocations < 100;
  }
  EXPECT_GT(allocations, 4) << "of the table, of the match, of running sequences and of the plan";
}

TEST(AllocationFailure, APreemptionThatFailsIsMadeUpFor) {
  if (!kAllocationsCanFail) {
    GTEST_SKIP() << "no allocation can fail here";
  }
  PagePool pool(64, 12);
  PrefixCache prefixes(pool);
  Scheduler scheduler(pool, &prefixes, 2048);
  for (RequestId id = 1; id <= 2; ++id) {
    scheduler.add(make_sequence(id, 64, 9 * 64, static_cast<int32_t>(id)));
  }
  for (int64_t step = 0; step < 500; ++step) {
    (void)plans_without(scheduler, step % 6);
    stop_failing_allocations();
    run(scheduler, scheduler.plan());
  }
  EXPECT_EQ(scheduler.preemptions(), 1);
  EXPECT_EQ(scheduler.running() + scheduler.waiting(), 2);
  for (RequestId id = 1; id <= 2; ++id) {
    EXPECT_NE(scheduler.remove(id), nullptr);
  }
  EXPECT_EQ(pool.available_pages(), 12);
}

/// What a publication that failed left behind must not be taken for a page of the prompt.
TEST(AllocationFailure, APublicationThatFailsIsNotFoundLater) {
  if (!kAllocationsCanFail) {
    GTEST_SKIP() << "no allocation can fail here";
  }
  bool has_failed = true;
  for (int64_t allocation = 0; has_failed && allocation < 100; ++allocation) {
    PagePool pool(64, 20);
    PrefixCache prefixes(pool);
    Scheduler scheduler(pool, &prefixes, 1000);
    scheduler.add(make_sequence(1, 300, 10));
    const auto chunks = scheduler.plan();
    chunks[0].take_pages();
    fail_allocation(allocation);
    try {
      scheduler.commit(chunks[0]);
    } catch (const std::bad_alloc&) {
    }
    has_failed = stop_failing_allocations();
    { const auto ended = scheduler.remove(1); }
    for (RequestId id = 2; id <= 3; ++id) {
      scheduler.add(make_sequence(id, 300, 10));
      run(scheduler, scheduler.plan());
      { const auto ended = scheduler.remove(id); }
      EXPECT_EQ(pool.idle_pages(), 4) << "allocation " << allocation;
    }
    EXPECT_EQ(pool.available_pages(), 20) << "allocation " << allocation;
  }
}

}  // namespace
}  // namespace levin::runtime
