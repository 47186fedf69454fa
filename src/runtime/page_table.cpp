#include "runtime/page_table.h"

#include <algorithm>

namespace levin::runtime {

PageTable::PageTable(PagePool& pool, int64_t most_pages) : pool_(pool) {
  pages_.reserve(static_cast<size_t>(most_pages));
  addresses_.reserve(static_cast<size_t>(most_pages));
}

PageTable::~PageTable() {
  // From the end to the beginning: what the prefix cache keeps is then reused leaf by leaf, never
  // the beginning of a chain before its end.
  for (auto page = pages_.rbegin(); page != pages_.rend(); ++page) {
    pool_.release(*page);
  }
  pool_.unreserve(reserved_pages_);
}

void PageTable::adopt(std::span<const PageId> shared) noexcept {
  for (const PageId page : shared) {
    append(page);
  }
}

bool PageTable::try_reserve(int64_t tokens) {
  const int64_t more = pages_for_tokens(tokens) - promised_pages();
  if (more > 0 && !pool_.try_reserve(more)) {
    return false;
  }
  reserved_pages_ += std::max<int64_t>(0, more);
  return true;
}

void PageTable::cover_tokens(int64_t tokens) {
  while (static_cast<int64_t>(pages_.size()) < pages_for_tokens(tokens)) {
    const PageId page = pool_.acquire();
    --reserved_pages_;
    append(page);
  }
}

void PageTable::replace(int64_t page_idx, PageId page) {
  pages_[static_cast<size_t>(page_idx)] = page;
  addresses_[static_cast<size_t>(page_idx)] = pool_.data(page);
}

void PageTable::append(PageId page) {
  pages_.push_back(page);
  addresses_.push_back(pool_.data(page));
}

}  // namespace levin::runtime
