#include "runtime/page_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <new>
#include <set>
#include <utility>

#include "base/memory_info.h"
#include "base/random.h"
#include "runtime/page_table.h"

namespace levin::runtime {
namespace {

TEST(PagePool, GivesOnlyWhatWasReserved) {
  PagePool pool(64, 3);
  EXPECT_EQ(pool.available_pages(), 3);
  ASSERT_TRUE(pool.try_reserve(2));
  EXPECT_FALSE(pool.try_reserve(2));
  EXPECT_EQ(pool.available_pages(), 1);
  const PageId page = pool.acquire();
  EXPECT_EQ(pool.references(page), 1);
  EXPECT_EQ(pool.reserved_pages(), 1);
  EXPECT_EQ(pool.held_pages(), 1);
  pool.release(page);
  pool.unreserve(1);
  EXPECT_EQ(pool.available_pages(), 3);
}

TEST(PagePool, PagesAreAlignedAndDoNotOverlap) {
  constexpr int64_t kPageBytes = 100;  // no multiple of 64
  constexpr int64_t kPages = 50;
  PagePool pool(kPageBytes, kPages);
  ASSERT_TRUE(pool.try_reserve(kPages));
  std::set<std::byte*> starts;
  for (int64_t i = 0; i < kPages; ++i) {
    std::byte* data = pool.data(pool.acquire());
    EXPECT_EQ(reinterpret_cast<uintptr_t>(data) % 64, 0U);
    starts.insert(data);
  }
  ASSERT_EQ(starts.size(), static_cast<size_t>(kPages));
  for (auto it = std::next(starts.begin()); it != starts.end(); ++it) {
    EXPECT_GE(*it - *std::prev(it), kPageBytes);
  }
}

TEST(PagePool, UntouchedPagesCostNoMemory) {
  constexpr int64_t kPageBytes = int64_t{1} << 20;
  PagePool pool(kPageBytes, int64_t{1} << 20);  // a terabyte
  ASSERT_TRUE(pool.try_reserve(1024));
  const int64_t before = base::process_memory().anonymous_bytes;
  for (int i = 0; i < 4; ++i) {
    std::memset(pool.data(pool.acquire()), 1, kPageBytes);
  }
  const int64_t grown = base::process_memory().anonymous_bytes - before;
  // Huge pages may round up, the rest of the slab stays uncommitted.
#ifdef LEVIN_SANITIZED_THREAD
  constexpr int64_t kShadowFactor = 5;  // what ThreadSanitizer notes about each byte
#else
  constexpr int64_t kShadowFactor = 1;
#endif
  EXPECT_LT(grown, 12 * kPageBytes * kShadowFactor);
}

TEST(PagePool, AFindablePageStaysIdleUntilItsMemoryIsNeeded) {
  PagePool pool(64, 2);
  std::vector<PageId> reused;
  pool.set_on_reuse([&](PageId page) { reused.push_back(page); });
  ASSERT_TRUE(pool.try_reserve(2));
  const PageId first = pool.acquire();
  const PageId second = pool.acquire();
  pool.make_findable(first);
  pool.make_findable(second);
  pool.release(second);
  pool.release(first);
  EXPECT_EQ(pool.idle_pages(), 2);
  EXPECT_EQ(pool.available_pages(), 2) << "idle pages can be reserved";

  ASSERT_TRUE(pool.try_retain(first));
  EXPECT_EQ(pool.idle_pages(), 1);
  ASSERT_TRUE(pool.try_reserve(1));
  EXPECT_FALSE(pool.try_retain(second)) << "its memory is promised to somebody else";
  EXPECT_EQ(pool.acquire(), second);
  EXPECT_EQ(reused, std::vector<PageId>{second});
  pool.release(second);
  EXPECT_EQ(pool.idle_pages(), 0) << "a reused page is an ordinary one";
}

TEST(PagePool, TheLongestIdlePageIsReusedFirst) {
  PagePool pool(64, 3);
  ASSERT_TRUE(pool.try_reserve(3));
  std::vector<PageId> pages;
  for (int i = 0; i < 3; ++i) {
    pages.push_back(pool.acquire());
    pool.make_findable(pages.back());
  }
  for (const size_t i : {1U, 0U, 2U}) {
    pool.release(pages[i]);
  }
  ASSERT_TRUE(pool.try_retain(pages[1]));
  pool.release(pages[1]);  // used again: now the youngest
  ASSERT_TRUE(pool.try_reserve(3));
  EXPECT_EQ(pool.acquire(), pages[0]);
  EXPECT_EQ(pool.acquire(), pages[2]);
  EXPECT_EQ(pool.acquire(), pages[1]);
}

// Random operations against plain counters.
TEST(PagePool, AccountsForEveryPageUnderRandomOperations) {
  constexpr int64_t kPages = 40;
  PagePool pool(64, kPages);
  std::map<PageId, int> references;  // of held pages
  std::set<PageId> idle;
  std::set<PageId> findable;
  int64_t reserved = 0;
  pool.set_on_reuse([&](PageId page) {
    EXPECT_EQ(idle.erase(page), 1U) << "only idle pages are reused";
    findable.erase(page);
  });
  const auto some = [](auto& pages, uint64_t bits) {
    return std::next(pages.begin(), static_cast<std::ptrdiff_t>(bits % pages.size()));
  };
  for (uint64_t round = 0; round < 20000; ++round) {
    const uint64_t bits = base::random_bits(7, round);
    const auto held = static_cast<int64_t>(references.size());
    switch (bits % 6) {
      case 0: {
        const auto count = static_cast<int64_t>(bits >> 8) % 5;
        const bool fits = count <= kPages - held - reserved;
        ASSERT_EQ(pool.try_reserve(count), fits);
        reserved += fits ? count : 0;
        break;
      }
      case 1:
        if (reserved > 0) {
          pool.unreserve(1);
          --reserved;
        }
        break;
      case 2:
        if (reserved > 0) {
          const PageId page = pool.acquire();
          ASSERT_FALSE(references.contains(page) || idle.contains(page));
          references[page] = 1;
          --reserved;
        }
        break;
      case 3:
        if (!references.empty()) {
          const auto page = some(references, bits >> 8);
          pool.release(page->first);
          if (--page->second == 0) {
            if (findable.contains(page->first)) {
              idle.insert(page->first);
            }
            references.erase(page);
          }
        }
        break;
      case 4:
        if (!references.empty()) {
          const PageId page = some(references, bits >> 8)->first;
          pool.make_findable(page);
          findable.insert(page);
        }
        break;
      default:
        if (!idle.empty()) {
          const PageId page = *some(idle, bits >> 8);
          const bool fits = kPages - held - reserved > 0;
          ASSERT_EQ(pool.try_retain(page), fits);
          if (fits) {
            idle.erase(page);
            references[page] = 1;
          }
        }
    }
    ASSERT_EQ(pool.held_pages(), static_cast<int64_t>(references.size()));
    ASSERT_EQ(pool.idle_pages(), static_cast<int64_t>(idle.size()));
    ASSERT_EQ(pool.reserved_pages(), reserved);
    ASSERT_LE(pool.touched_pages(), kPages);
  }
}

TEST(PageTable, CoversTokensAndGivesEverythingBack) {
  PagePool pool(64, 10);
  {
    PageTable table(pool, 5);
    ASSERT_TRUE(table.try_reserve(5 * 64));
    EXPECT_EQ(pool.reserved_pages(), 5);
    table.cover_tokens(64);
    EXPECT_EQ(pool.held_pages(), 1);
    table.cover_tokens(65);
    EXPECT_EQ(pool.held_pages(), 2);
    table.cover_tokens(10);
    EXPECT_EQ(pool.held_pages(), 2);
    EXPECT_EQ(table.data()[1], pool.data(table.page(1)));
  }
  EXPECT_EQ(pool.available_pages(), 10);
}

TEST(PageTable, GrowsByWhatPositionsLack) {
  PagePool pool(64, 4);
  ASSERT_TRUE(pool.try_reserve(1));
  PageTable table(pool, 4);
  table.adopt(std::vector<PageId>{pool.acquire()});
  EXPECT_TRUE(table.try_reserve(64)) << "it has that page";
  EXPECT_EQ(pool.reserved_pages(), 0);
  EXPECT_TRUE(table.try_reserve(129));
  EXPECT_EQ(table.promised_pages(), 3);
  EXPECT_TRUE(table.try_reserve(70));
  EXPECT_EQ(pool.reserved_pages(), 2);
  table.cover_tokens(129);
  EXPECT_FALSE(table.try_reserve(5 * 64)) << "the pool has one more, not two";
  EXPECT_EQ(table.promised_pages(), 3);
  EXPECT_EQ(pool.available_pages(), 1);
}

// Destructors give pages back, also while an exception for lack of memory passes.
TEST(PageTable, GivingBackThrowsNothing) {
  static_assert(noexcept(std::declval<PagePool&>().release(0)));
  static_assert(noexcept(std::declval<PagePool&>().unreserve(0)));
  static_assert(noexcept(std::declval<PagePool&>().set_on_reuse({})));
  PagePool pool(64, 3);
  try {
    PageTable table(pool, 3);
    ASSERT_TRUE(table.try_reserve(129));
    table.cover_tokens(129);
    pool.make_findable(table.page(0));
    throw std::bad_alloc();
  } catch (const std::bad_alloc&) {
    EXPECT_EQ(pool.available_pages(), 3);
    EXPECT_EQ(pool.idle_pages(), 1);
  }
}

TEST(PageTable, CountsWholePages) {
  EXPECT_EQ(pages_for_tokens(0), 0);
  EXPECT_EQ(pages_for_tokens(1), 1);
  EXPECT_EQ(pages_for_tokens(64), 1);
  EXPECT_EQ(pages_for_tokens(65), 2);
}

}  // namespace
}  // namespace levin::runtime
