#include "runtime/prefix_cache.h"

#include <gtest/gtest.h>

#include <numeric>

#include "base/random.h"

namespace levin::runtime {
namespace {

using kernels::kPageTokens;

/// `pages` pages of ids; equal seeds give equal beginnings.
std::vector<int32_t> ids_of(uint64_t seed, int64_t pages) {
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < pages * kPageTokens; ++i) {
    ids.push_back(static_cast<int32_t>(base::random_bits(seed, static_cast<uint64_t>(i)) % 1000));
  }
  return ids;
}

/// Acquires and publishes a page for each whole page of `ids`, as a prefill does.
std::vector<PageId> publish_all(PagePool& pool, PrefixCache& cache, const Sharers& sharers,
                                std::span<const int32_t> ids) {
  std::vector<PageId> pages;
  PrefixCache::Link link = cache.begin(sharers);
  for (; ids.size() >= static_cast<size_t>(kPageTokens); ids = ids.subspan(kPageTokens)) {
    EXPECT_TRUE(pool.try_reserve(1));
    const auto published = cache.publish(link, ids.first(kPageTokens), pool.acquire());
    pages.push_back(published.page);
    link = published.end;
  }
  return pages;
}

void release_all(PagePool& pool, const std::vector<PageId>& pages) {
  for (auto page = pages.rbegin(); page != pages.rend(); ++page) {
    pool.release(*page);
  }
}

TEST(PrefixCache, FindsTheLongestKnownBeginningInWholePages) {
  PagePool pool(64, 100);
  PrefixCache cache(pool);
  const std::vector<int32_t> known = ids_of(1, 3);
  const std::vector<PageId> pages = publish_all(pool, cache, {}, known);

  std::vector<int32_t> longer = known;
  longer.insert(longer.end(), 100, 7);
  EXPECT_EQ(cache.match({}, longer).pages, pages);
  EXPECT_EQ(cache.match({}, std::span(known).first(191)).pages.size(), 2U);
  EXPECT_TRUE(cache.match({}, std::span(known).first(63)).pages.empty());

  std::vector<int32_t> other_middle = known;
  other_middle[70] += 1;
  EXPECT_EQ(cache.match({}, other_middle).pages.size(), 1U) << "the third page's past differs";
}

TEST(PrefixCache, TheSameIdsBehindAnotherBeginningAreAnotherPage) {
  PagePool pool(64, 100);
  PrefixCache cache(pool);
  const std::vector<int32_t> known = ids_of(1, 2);
  (void)publish_all(pool, cache, {}, known);
  EXPECT_TRUE(cache.match({}, std::span(known).subspan(kPageTokens)).pages.empty());
}

TEST(PrefixCache, SaltsKeepOwnersApart) {
  PagePool pool(64, 100);
  PrefixCache cache(pool);
  const std::vector<int32_t> ids = ids_of(1, 1);
  const std::vector<PageId> mine = publish_all(pool, cache, {.salt = 1}, ids);
  EXPECT_TRUE(cache.match({.salt = 2}, ids).pages.empty());
  const std::vector<PageId> theirs = publish_all(pool, cache, {.salt = 2}, ids);
  EXPECT_NE(mine, theirs);
  EXPECT_EQ(cache.match({.salt = 1}, ids).pages, mine);
  EXPECT_EQ(cache.match({.salt = 2}, ids).pages, theirs);
}

TEST(PrefixCache, DensePromptsHaveChainsOfTheirOwn) {
  PagePool pool(64, 100);
  PrefixCache cache(pool);
  const std::vector<int32_t> ids = ids_of(1, 2);
  const std::vector<PageId> sparse = publish_all(pool, cache, {.salt = 1}, ids);
  EXPECT_TRUE(cache.match({.salt = 1, .is_dense = true}, ids).pages.empty());
  const std::vector<PageId> dense = publish_all(pool, cache, {.salt = 1, .is_dense = true}, ids);
  EXPECT_NE(dense, sparse);
  EXPECT_EQ(cache.match({.salt = 1, .is_dense = true}, ids).pages, dense);
  EXPECT_EQ(cache.match({.salt = 1}, ids).pages, sparse);
}

TEST(PrefixCache, AMatchHoldsItsPages) {
  PagePool pool(64, 100);
  PrefixCache cache(pool);
  const std::vector<int32_t> ids = ids_of(1, 2);
  const std::vector<PageId> pages = publish_all(pool, cache, {}, ids);
  release_all(pool, pages);
  EXPECT_EQ(pool.idle_pages(), 2);
  const auto match = cache.match({}, ids);
  EXPECT_EQ(pool.held_pages(), 2);
  release_all(pool, match.pages);
  EXPECT_EQ(pool.held_pages(), 0);
}

TEST(PrefixCache, AnEqualPageReplacesTheNewOne) {
  PagePool pool(64, 100);
  PrefixCache cache(pool);
  const std::vector<int32_t> ids = ids_of(1, 2);
  const std::vector<PageId> first = publish_all(pool, cache, {}, ids);
  const std::vector<PageId> second = publish_all(pool, cache, {}, ids);
  EXPECT_EQ(first, second);
  EXPECT_EQ(pool.held_pages(), 2);
  EXPECT_EQ(pool.references(first[0]), 2);
  EXPECT_EQ(cache.size(), 2);
}

TEST(PrefixCache, AnEqualPageIsFoundAgainInAFullPool) {
  PagePool pool(64, 2);
  PrefixCache cache(pool);
  const std::vector<int32_t> ids = ids_of(1, 1);
  const std::vector<PageId> first = publish_all(pool, cache, {}, ids);
  ASSERT_TRUE(pool.try_reserve(1));
  const PageId twin = pool.acquire();
  release_all(pool, first);  // idle, and the pool has nothing else
  ASSERT_TRUE(pool.try_reserve(1));
  EXPECT_EQ(cache.publish(cache.begin({}), ids, twin).page, first[0]);
  EXPECT_EQ(pool.references(first[0]), 1);
}

TEST(PrefixCache, IdsAreComparedNotOnlyKeys) {
  PagePool pool(64, 100);
  const auto one_for_all = [](const PageKey&, std::span<const int32_t>) { return PageKey{}; };
  PrefixCache cache(pool, {}, nullptr, one_for_all);
  const std::vector<PageId> first = publish_all(pool, cache, {}, ids_of(1, 1));
  const std::vector<PageId> second = publish_all(pool, cache, {}, ids_of(2, 1));
  EXPECT_NE(first, second);
  EXPECT_EQ(cache.match({}, ids_of(1, 1)).pages, first);
  EXPECT_TRUE(cache.match({}, ids_of(2, 1)).pages.empty());
}

TEST(PrefixCache, KeysTellEverythingApartThatPagesDependOn) {
  const std::vector<int32_t> ids = ids_of(1, 1);
  const std::vector<int32_t> others = ids_of(2, 1);
  const PageKey key = next_key(root_key("model a", {.salt = 1}), ids);
  EXPECT_EQ(key, next_key(root_key("model a", {.salt = 1}), ids));
  EXPECT_NE(key, next_key(root_key("model b", {.salt = 1}), ids));
  EXPECT_NE(key, next_key(root_key("model a", {.salt = 2}), ids));
  EXPECT_NE(key, next_key(root_key("model a", {.salt = 1, .is_dense = true}), ids));
  EXPECT_NE(key, next_key(root_key("model a", {.salt = 1}), others));
  EXPECT_NE(next_key(key, ids), key);
  EXPECT_EQ(PageKey::from_hex(key.hex()), key);
  EXPECT_EQ(PageKey::from_hex(key.hex().substr(1)), std::nullopt);
  EXPECT_EQ(PageKey::from_hex("g" + key.hex().substr(1)), std::nullopt);
}

TEST(PrefixCache, EvictionTakesChainsFromTheirEnd) {
  PagePool pool(64, 6);
  PrefixCache cache(pool);
  const std::vector<int32_t> old_ids = ids_of(1, 3);
  const std::vector<int32_t> young_ids = ids_of(2, 3);
  release_all(pool, publish_all(pool, cache, {}, old_ids));
  release_all(pool, publish_all(pool, cache, {}, young_ids));
  ASSERT_TRUE(pool.try_reserve(2));
  const PageId a = pool.acquire();
  const PageId b = pool.acquire();
  EXPECT_EQ(cache.size(), 4);
  const auto old_match = cache.match({}, old_ids);
  EXPECT_EQ(old_match.pages.size(), 1U) << "the beginning survives its end";
  const auto young_match = cache.match({}, young_ids);
  EXPECT_EQ(young_match.pages.size(), 3U);
  release_all(pool, old_match.pages);
  release_all(pool, young_match.pages);
  release_all(pool, {a, b});
}

TEST(PrefixCache, AnEvictedPageIsForgotten) {
  PagePool pool(64, 1);
  PrefixCache cache(pool);
  const std::vector<int32_t> ids = ids_of(1, 1);
  release_all(pool, publish_all(pool, cache, {}, ids));
  release_all(pool, publish_all(pool, cache, {}, ids_of(2, 1)));
  EXPECT_EQ(cache.size(), 1);
  EXPECT_TRUE(cache.match({}, ids).pages.empty());
  EXPECT_EQ(cache.match({}, ids_of(2, 1)).pages.size(), 1U);
}

}  // namespace
}  // namespace levin::runtime
