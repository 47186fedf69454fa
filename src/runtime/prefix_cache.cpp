#include "runtime/prefix_cache.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/error.h"
#include "runtime/disk_cache.h"

namespace levin::runtime {
namespace {

using kernels::kPageTokens;

PageRecord record_of(const PrefixCache::Link& previous, const PrefixCache::Link& end,
                     std::span<const int32_t> ids) {
  PageRecord record{.key = end.key,
                    .previous = previous.key,
                    .owner = previous.owner,
                    .depth = previous.depth,
                    .ids = {}};
  std::ranges::copy(ids, record.ids.begin());
  return record;
}

}  // namespace

PrefixCache::PrefixCache(PagePool& pool, std::string identity, DiskCache* disk, NextKey next)
    : pool_(pool), identity_(std::move(identity)), disk_(disk), next_(std::move(next)) {
  pool_.set_on_reuse([this](PageId page) { forget(page); });
}

PrefixCache::~PrefixCache() { pool_.set_on_reuse({}); }

PrefixCache::Link PrefixCache::begin(const Sharers& sharers) {
  return {.key = root_key(identity_, sharers),
          .owner = owner_tag(sharers.salt),
          .depth = 0,
          .used_us = disk_ == nullptr ? 0 : disk_->new_use_us()};
}

PrefixCache::Link PrefixCache::follow(const Link& previous, std::span<const int32_t> ids) const {
  Link end = previous;
  end.key = next_(previous.key, ids);
  ++end.depth;
  return end;
}

const PrefixCache::Node* PrefixCache::find(const PageKey& key, const PageKey& previous,
                                           std::span<const int32_t> ids) const {
  const auto found = nodes_.find(key);
  const bool is_same = found != nodes_.end() && found->second.previous == previous &&
                       std::ranges::equal(found->second.ids, ids);
  return is_same ? &found->second : nullptr;
}

PrefixCache::Match PrefixCache::match(const Sharers& sharers, std::span<const int32_t> tokens) {
  Match match{.pages = {}, .end = begin(sharers)};
  match.pages.reserve(tokens.size() / static_cast<size_t>(kPageTokens));
  try {
    while (std::ssize(tokens) >= kPageTokens) {
      const auto ids = tokens.first(kPageTokens);
      const Link end = follow(match.end, ids);
      const Node* node = find(end.key, match.end.key, ids);
      if (node == nullptr || !pool_.try_retain(node->page)) {
        break;
      }
      match.pages.push_back(node->page);
      match.end = end;
      tokens = tokens.subspan(kPageTokens);
    }
  } catch (...) {  // a key takes memory; nobody else knows of these references
    std::ranges::for_each(match.pages, [this](PageId page) { pool_.release(page); });
    throw;
  }
  return match;
}

int64_t PrefixCache::pages_on_disk(const Link& end, std::span<const int32_t> tokens) const {
  int64_t pages = 0;
  Link link = end;
  while (disk_ != nullptr && std::ssize(tokens) >= kPageTokens) {
    link = follow(link, tokens.first(kPageTokens));
    if (!disk_->contains(link.key)) {
      break;
    }
    ++pages;
    tokens = tokens.subspan(kPageTokens);
  }
  return pages;
}

void PrefixCache::note_use(const Sharers& sharers, std::span<const int32_t> tokens,
                           const Match& match) {
  if (disk_ == nullptr) {
    return;
  }
  Link link = begin(sharers);
  link.used_us = match.end.used_us;
  for (const PageId page : match.pages) {
    const auto ids = tokens.first(kPageTokens);
    const Link end = follow(link, ids);
    offer(link, end, ids, page);
    link = end;
    tokens = tokens.subspan(kPageTokens);
  }
}

PrefixCache::Published PrefixCache::publish(const Link& previous, std::span<const int32_t> ids,
                                            PageId page) {
  LEVIN_CHECK(std::ssize(ids) == kPageTokens);
  const Link end = follow(previous, ids);
  if (const Node* known = find(end.key, previous.key, ids)) {
    // Released first, so that an idle twin can be retained even when the pool is full.
    pool_.release(page);
    LEVIN_CHECK(pool_.try_retain(known->page));
    page = known->page;
  } else if (!nodes_.contains(end.key)) {
    Node node{.previous = previous.key, .page = page, .ids = {}};
    std::ranges::copy(ids, node.ids.begin());
    const auto added = nodes_.emplace(end.key, node).first;
    try {
      by_page_.emplace(page, end.key);
    } catch (...) {  // a node whose page nobody can give back would be found for ever
      nodes_.erase(added);
      throw;
    }
    pool_.make_findable(page);
  }
  offer(previous, end, ids, page);
  return {page, end};
}

std::optional<PrefixCache::Published> PrefixCache::try_restore(const Link& previous,
                                                               std::span<const int32_t> ids,
                                                               PageId page) {
  const PageRecord record = record_of(previous, follow(previous, ids), ids);
  if (disk_ == nullptr || !disk_->try_read(record, bytes(page))) {
    return std::nullopt;
  }
  return publish(previous, ids, page);
}

std::span<std::byte> PrefixCache::bytes(PageId page) const {
  return {pool_.data(page), static_cast<size_t>(pool_.page_bytes())};
}

void PrefixCache::offer(const Link& previous, const Link& end, std::span<const int32_t> ids,
                        PageId page) noexcept {
  if (disk_ == nullptr) {
    return;
  }
  try {
    disk_->keep(record_of(previous, end, ids), bytes(page), end.used_us);
  } catch (const std::exception&) {
    // Without memory for the copy there is none on disk; the page itself is where it belongs.
    return;
  }
}

void PrefixCache::forget(PageId page) {
  const auto found = by_page_.find(page);
  LEVIN_CHECK(found != by_page_.end());
  nodes_.erase(found->second);
  by_page_.erase(found);
  ++evicted_pages_;
}

}  // namespace levin::runtime
