#include "runtime/page_table.h"

namespace levin::runtime {

PageTable::PageTable(PagePool& pool, const std::vector<PageId>& shared, int64_t reserved_pages)
    : pool_(pool), reserved_pages_(reserved_pages) {
  const size_t most = shared.size() + static_cast<size_t>(reserved_pages);
  pages_.reserve(most);
  addresses_.reserve(most);
  for (const PageId page : shared) {
    append(page);
  }
}

PageTable::~PageTable() {
  // From the end to the beginning: what the prefix cache keeps is then reused leaf by leaf, never
  // the beginning of a chain before its end.
  for (auto page = pages_.rbegin(); page != pages_.rend(); ++page) {
    pool_.release(*page);
  }
  pool_.unreserve(reserved_pages_);
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
