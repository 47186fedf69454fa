#include "runtime/page_pool.h"

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace levin::runtime {
namespace {

constexpr int64_t kSlabBytes = int64_t{32} << 20;

}  // namespace

PagePool::PagePool(int64_t page_bytes, int64_t capacity_pages)
    : page_bytes_(page_bytes),
      stride_bytes_((page_bytes + 63) / 64 * 64),
      capacity_pages_(capacity_pages),
      slab_pages_(std::clamp<int64_t>(kSlabBytes / std::max<int64_t>(stride_bytes_, 1), 1,
                                      std::max<int64_t>(capacity_pages, 1))) {
  LEVIN_CHECK(page_bytes > 0 && capacity_pages > 0);
  LEVIN_CHECK(capacity_pages <= std::numeric_limits<PageId>::max());
}

bool PagePool::try_reserve(int64_t pages) {
  LEVIN_CHECK(pages >= 0);
  if (pages > available_pages()) {
    return false;
  }
  reserved_pages_ += pages;
  return true;
}

void PagePool::unreserve(int64_t pages) {
  LEVIN_CHECK(pages >= 0 && pages <= reserved_pages_);
  reserved_pages_ -= pages;
}

PageId PagePool::acquire() {
  LEVIN_CHECK(reserved_pages_ > 0);
  const PageId page = take_page();
  entry(page).references = 1;
  --reserved_pages_;
  ++held_pages_;
  return page;
}

PageId PagePool::take_page() {
  if (!free_.empty()) {
    const PageId page = free_.back();
    free_.pop_back();
    return page;
  }
  if (touched_pages() < capacity_pages_) {
    if (touched_pages() == static_cast<int64_t>(slabs_.size()) * slab_pages_) {
      slabs_.emplace_back(slab_pages_ * stride_bytes_);
    }
    pages_.emplace_back();
    return static_cast<PageId>(touched_pages() - 1);
  }
  LEVIN_CHECK(!idle_.empty());
  const PageId page = idle_.front();
  idle_.pop_front();
  entry(page).is_findable = false;
  if (on_reuse_) {
    on_reuse_(page);
  }
  return page;
}

bool PagePool::try_retain(PageId page) {
  Entry& held = entry(page);
  if (held.references == 0) {
    LEVIN_CHECK(held.is_findable);
    if (available_pages() == 0) {
      return false;
    }
    idle_.erase(held.idle_position);
    ++held_pages_;
  }
  ++held.references;
  return true;
}

void PagePool::release(PageId page) {
  Entry& held = entry(page);
  LEVIN_CHECK(held.references > 0);
  if (--held.references > 0) {
    return;
  }
  --held_pages_;
  if (held.is_findable) {
    held.idle_position = idle_.insert(idle_.end(), page);
  } else {
    free_.push_back(page);
  }
}

void PagePool::make_findable(PageId page) {
  Entry& held = entry(page);
  LEVIN_CHECK(held.references > 0);
  held.is_findable = true;
}

std::byte* PagePool::data(PageId page) const {
  LEVIN_DCHECK(page >= 0 && page < touched_pages());
  const tensor::Buffer& slab = slabs_[static_cast<size_t>(page / slab_pages_)];
  return const_cast<std::byte*>(slab.data()) + page % slab_pages_ * stride_bytes_;
}

PagePool::Entry& PagePool::entry(PageId page) {
  LEVIN_CHECK(page >= 0 && page < touched_pages());
  return pages_[static_cast<size_t>(page)];
}

const PagePool::Entry& PagePool::entry(PageId page) const {
  LEVIN_CHECK(page >= 0 && page < touched_pages());
  return pages_[static_cast<size_t>(page)];
}

}  // namespace levin::runtime
