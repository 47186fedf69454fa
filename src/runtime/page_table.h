// The pages of one sequence, in order of position.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
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
  /// A table of at most `most_pages` pages, and of none yet. All the memory that the table itself
  /// will need is taken here.
  PageTable(PagePool& pool, int64_t most_pages);
  ~PageTable();
  PageTable(const PageTable&) = delete;
  PageTable& operator=(const PageTable&) = delete;

  /// Takes over the references to `shared` pages, which come first.
  void adopt(std::span<const PageId> shared) noexcept;

  /// Reserves what positions [0, tokens) lack; false, and no change, if the pool does not have it.
  [[nodiscard]] bool try_reserve(int64_t tokens);

  /// Acquires reserved pages until positions [0, tokens) are covered. Throws Error(kOutOfMemory);
  /// pages acquired before that stay, and a later call goes on from there.
  void cover_tokens(int64_t tokens);

  /// Pages that it has or has been promised.
  [[nodiscard]] int64_t promised_pages() const noexcept {
    return static_cast<int64_t>(pages_.size()) + reserved_pages_;
  }
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
  int64_t reserved_pages_ = 0;
  std::vector<PageId> pages_;
  std::vector<std::byte*> addresses_;  // of pages_
};

}  // namespace levin::runtime
