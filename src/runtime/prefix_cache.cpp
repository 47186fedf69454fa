#include "runtime/prefix_cache.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/random.h"

namespace levin::runtime {

using kernels::kPageTokens;

PrefixCache::PrefixCache(PagePool& pool, PageHash hash) : pool_(pool), hash_(std::move(hash)) {
  pool_.set_on_reuse([this](PageId page) { forget(page); });
}

PrefixCache::~PrefixCache() { pool_.set_on_reuse({}); }

uint64_t PrefixCache::hash_page(Link previous, std::span<const int32_t> ids) {
  uint64_t hash = base::random_bits(previous.salt, previous.node);
  for (const int32_t id : ids) {
    hash = base::mix_bits(hash ^ static_cast<uint32_t>(id));
  }
  return hash;
}

const PrefixCache::Node* PrefixCache::find(Link previous, std::span<const int32_t> ids) const {
  const auto [begin, end] = nodes_.equal_range(hash_(previous, ids));
  for (auto it = begin; it != end; ++it) {
    const Node& node = it->second;
    if (node.previous == previous && std::ranges::equal(node.ids, ids)) {
      return &node;
    }
  }
  return nullptr;
}

PrefixCache::Match PrefixCache::match(uint64_t salt, std::span<const int32_t> tokens) {
  Match match{.pages = {}, .end = {.salt = salt, .node = 0}};
  while (static_cast<int64_t>(tokens.size()) >= kPageTokens) {
    const Node* node = find(match.end, tokens.first(kPageTokens));
    if (node == nullptr || !pool_.try_retain(node->page)) {
      break;
    }
    match.pages.push_back(node->page);
    match.end.node = node->id;
    tokens = tokens.subspan(kPageTokens);
  }
  return match;
}

PrefixCache::Published PrefixCache::publish(Link previous, std::span<const int32_t> ids,
                                            PageId page) {
  LEVIN_CHECK(static_cast<int64_t>(ids.size()) == kPageTokens);
  if (const Node* known = find(previous, ids)) {
    // Released first, so that an idle twin can be retained even when the pool is full.
    pool_.release(page);
    LEVIN_CHECK(pool_.try_retain(known->page));
    return {known->page, {previous.salt, known->id}};
  }
  Node node{.previous = previous, .id = ++last_node_, .page = page, .ids = {}};
  std::ranges::copy(ids, node.ids.begin());
  by_page_[page] = nodes_.emplace(hash_(previous, ids), node);
  pool_.make_findable(page);
  return {page, {previous.salt, node.id}};
}

void PrefixCache::forget(PageId page) {
  const auto found = by_page_.find(page);
  LEVIN_CHECK(found != by_page_.end());
  nodes_.erase(found->second);
  by_page_.erase(found);
}

}  // namespace levin::runtime
