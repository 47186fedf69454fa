// Finds pages of the cache that earlier prompts with the same beginning have filled: in memory and,
// where there is a cache on disk, beyond the life of the process.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "kernels/kv_layout.h"
#include "runtime/page_key.h"
#include "runtime/page_pool.h"
#include "runtime/segment_file.h"

namespace levin::runtime {

class DiskCache;

/// The pages of prompts form chains: the key of a page is a SHA-256 over owner, model and settings,
/// the key of the page before it and its own 64 token ids. Ids and predecessor are kept beside the
/// page and compared as well. Requests that attend densely on a sparse model have chains of their
/// own, here and on the disk: from the second layer on their rows are others.
///
/// Only pages whose 64 rows were all computed in prefill belong here: decode uses another algebraic
/// form, whose rows differ in rounding, and a cached answer must equal an uncached one bit for bit.
class PrefixCache {
 public:
  /// End of a chain, as a prompt goes along it.
  struct Link {
    PageKey key;          ///< of the last page, or of the beginning
    uint64_t owner = 0;   ///< owner_tag of the salt
    int64_t depth = 0;    ///< pages of the chain
    int64_t used_us = 0;  ///< when the prompt came; 0 without a cache on disk
  };

  using NextKey = std::function<PageKey(const PageKey& previous, std::span<const int32_t> ids)>;

  /// `pool` and `disk` must outlive the cache; `disk` null: memory only. `identity`: what pages
  /// depend on besides owner and tokens (cache_identity.h). `next` is replaced in tests alone.
  explicit PrefixCache(PagePool& pool, std::string identity = {}, DiskCache* disk = nullptr,
                       NextKey next = next_key);
  ~PrefixCache();
  PrefixCache(const PrefixCache&) = delete;
  PrefixCache& operator=(const PrefixCache&) = delete;

  /// The beginning of a prompt's chain. Prompts of different sharers share nothing.
  [[nodiscard]] Link begin(const Sharers& sharers);

  struct Match {
    std::vector<PageId> pages;  ///< in order, each with a reference for the caller
    Link end;                   ///< where the chain goes on
  };

  /// The longest chain of whole pages in memory at the beginning of `tokens`.
  [[nodiscard]] Match match(const Sharers& sharers, std::span<const int32_t> tokens);

  /// How many of the whole pages of `tokens`, which follow `end`, the disk has without a gap.
  [[nodiscard]] int64_t pages_on_disk(const Link& end, std::span<const int32_t> tokens) const;

  /// A prompt uses the pages of a match at the beginning of `tokens`: notes that on the disk, and
  /// offers the pages that it does not have.
  void note_use(const Sharers& sharers, std::span<const int32_t> tokens, const Match& match);

  struct Published {
    PageId page = 0;  ///< the page to use from now on
    Link end;
  };

  /// Adds a held, completely prefilled page of the ids [kPageTokens] behind `previous`, all of
  /// whose pages the caller holds. If an equal page is known already, the caller's reference moves
  /// to that one (their bits are the same) and `page` is released. The disk gets a copy.
  [[nodiscard]] Published publish(const Link& previous, std::span<const int32_t> ids, PageId page);

  /// Fills a held page from the disk and publishes it. Nothing if the disk does not have it after
  /// all; the page is then still the caller's, its content unspecified.
  [[nodiscard]] std::optional<Published> try_restore(const Link& previous,
                                                     std::span<const int32_t> ids, PageId page);

  /// Pages that can be found in memory.
  [[nodiscard]] int64_t size() const noexcept { return static_cast<int64_t>(nodes_.size()); }
  /// Pages that memory has lost to others since the start.
  [[nodiscard]] int64_t evicted_pages() const noexcept { return evicted_pages_; }

 private:
  struct Node {
    PageKey previous;
    PageId page = 0;
    std::array<int32_t, kernels::kPageTokens> ids{};
  };

  [[nodiscard]] const Node* find(const PageKey& key, const PageKey& previous,
                                 std::span<const int32_t> ids) const;
  [[nodiscard]] Link follow(const Link& previous, std::span<const int32_t> ids) const;
  [[nodiscard]] std::span<std::byte> bytes(PageId page) const;
  void offer(const Link& previous, const Link& end, std::span<const int32_t> ids,
             PageId page) noexcept;
  void forget(PageId page);

  PagePool& pool_;
  std::string identity_;
  DiskCache* disk_;
  NextKey next_;
  int64_t evicted_pages_ = 0;
  std::unordered_map<PageKey, Node, PageKeyHash> nodes_;
  std::unordered_map<PageId, PageKey> by_page_;
};

}  // namespace levin::runtime
