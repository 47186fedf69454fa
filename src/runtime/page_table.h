// The pages of one sequence, in order of position.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/integers.h"
#include "kernels/kv_layout.h"
#include "runtime/page_pool.h"

namespace levin::runtime {

/// Pages that `tokens` tokens need.
[[nodiscard]] constexpr int64_t pages_for_tokens(int64_t tokens) noexcept {
  return base::ceil_div(tokens, kernels::kPageTokens);
}

/// Holds one reference to each of its pages, and a reservation for those still to come; gives both
/// back when it ends.
class PageTable {
 public:
  /// Takes over a reservation of `reserved_pages` pages and the references to `shared` pages. All
  /// the memory that the table will need is taken here.
  PageTable(PagePool& pool, const std::vector<PageId>& shared, int64_t reserved_pages);
  ~PageTable();
  PageTable(const PageTable&) = delete;
  PageTable& operator=(const PageTable&) = delete;

  /// Acquires reserved pages until positions [0, tokens) are covered. Throws Error(kOutOfMemory);
  /// pages acquired before that stay, and a later call goes on from there.
  void cover_tokens(int64_t tokens);

  [[nodiscard]] PageId page(int64_t page_idx) const {
    return pages_[static_cast<size_t>(page_idx)];
  }
  /// Takes over the reference to another page with the same content (the old one is gone).
  void replace(int64_t page_idx, PageId page);

  /// What the forward pass reads: the memory of each page.
  [[nodiscard]] std::byte* const* data() const noexcept { return addresses_.data(); }

 private:
  void append(PageId page);

  PagePool& pool_;
  int64_t reserved_pages_;
  std::vector<PageId> pages_;
  std::vector<std::byte*> addresses_;  // of pages_
};

}  // namespace levin::runtime
