// Finds pages of the cache that earlier prompts with the same beginning have filled.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <unordered_map>
#include <vector>

#include "kernels/kv_layout.h"
#include "runtime/page_pool.h"

namespace levin::runtime {

/// The pages of prompts form chains: a page is known by its 64 token ids and by the page before it.
/// Hashes only lead to candidates; ids and predecessor are compared, so two different prefixes
/// never share a page.
///
/// Only pages whose 64 rows were all computed in prefill belong here: decode uses another algebraic
/// form, whose rows differ in rounding, and a cached answer must equal an uncached one bit for bit.
class PrefixCache {
 public:
  /// End of a chain. Requests with different salts share nothing.
  struct Link {
    uint64_t salt = 0;
    uint64_t node = 0;  ///< 0: the beginning, before any page
    bool operator==(const Link&) const = default;
  };

  using PageHash = std::function<uint64_t(Link previous, std::span<const int32_t> ids)>;

  /// `pool` must outlive the cache. `hash` is replaced in tests alone.
  explicit PrefixCache(PagePool& pool, PageHash hash = hash_page);
  ~PrefixCache();
  PrefixCache(const PrefixCache&) = delete;
  PrefixCache& operator=(const PrefixCache&) = delete;

  struct Match {
    std::vector<PageId> pages;  ///< in order, each with a reference for the caller
    Link end;                   ///< where the chain goes on
  };

  /// The longest known chain of whole pages at the beginning of `tokens`.
  [[nodiscard]] Match match(uint64_t salt, std::span<const int32_t> tokens);

  struct Published {
    PageId page = 0;  ///< the page to use from now on
    Link end;
  };

  /// Adds a held, completely prefilled page of the ids [kPageTokens] behind `previous`, all of
  /// whose pages the caller holds. If an equal page is known already, the caller's reference moves
  /// to that one (their bits are the same) and `page` is released.
  [[nodiscard]] Published publish(Link previous, std::span<const int32_t> ids, PageId page);

  /// Pages that can be found.
  [[nodiscard]] int64_t size() const noexcept { return static_cast<int64_t>(nodes_.size()); }

  static uint64_t hash_page(Link previous, std::span<const int32_t> ids);

 private:
  struct Node {
    Link previous;
    uint64_t id = 0;
    PageId page = 0;
    std::array<int32_t, kernels::kPageTokens> ids{};
  };
  using Nodes = std::multimap<uint64_t, Node>;  // by hash; its iterators stay valid

  [[nodiscard]] const Node* find(Link previous, std::span<const int32_t> ids) const;
  void forget(PageId page);

  PagePool& pool_;
  PageHash hash_;
  uint64_t last_node_ = 0;  // ids are never used twice: a dangling predecessor matches nothing
  Nodes nodes_;
  std::unordered_map<PageId, Nodes::iterator> by_page_;
};

}  // namespace levin::runtime
