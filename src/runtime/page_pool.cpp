#include "runtime/page_pool.h"

#include <algorithm>
#include <exception>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/integers.h"
#include "base/units.h"

namespace levin::runtime {
namespace {

constexpr int64_t kSlabBytes = int64_t{32} << 20;

}  // namespace

PagePool::PagePool(int64_t page_bytes, int64_t capacity_pages)
    : page_bytes_(page_bytes),
      stride_bytes_(base::round_up(page_bytes, 64)),
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

void PagePool::unreserve(int64_t pages) noexcept {
  LEVIN_DCHECK(pages >= 0 && pages <= reserved_pages_);
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
  if (free_top_ != kNone) {
    const PageId page = free_top_;
    free_top_ = std::exchange(entry(page).next, kNone);
    return page;
  }
  if (touched_pages() < capacity_pages_) {
    add_page();
    return static_cast<PageId>(touched_pages() - 1);
  }
  LEVIN_CHECK(idle_first_ != kNone);
  const PageId page = idle_first_;
  remove_idle(page);
  entry(page).is_findable = false;
  if (on_reuse_) {
    on_reuse_(page);
  }
  return page;
}

void PagePool::add_page() {
  const int64_t slab_bytes = slab_pages_ * stride_bytes_;
  try {
    if (touched_pages() == static_cast<int64_t>(slabs_.size()) * slab_pages_) {
      slabs_.emplace_back(slab_bytes);
    }
    pages_.emplace_back();
  } catch (const std::exception&) {  // of the slab's memory or of a list of ours
    base::throw_error(base::ErrorCode::kOutOfMemory, "cache",
                      "the system refuses {} for more pages ({} of {} are in use); end other "
                      "programs, or use a shorter context",
                      base::format_bytes(slab_bytes), held_pages_, capacity_pages_);
  }
}

void PagePool::append_idle(PageId page) noexcept {
  pages_[static_cast<size_t>(page)].previous = idle_last_;
  (idle_last_ == kNone ? idle_first_ : pages_[static_cast<size_t>(idle_last_)].next) = page;
  idle_last_ = page;
  ++idle_pages_;
}

void PagePool::remove_idle(PageId page) noexcept {
  Entry& idle = pages_[static_cast<size_t>(page)];
  (idle.previous == kNone ? idle_first_ : pages_[static_cast<size_t>(idle.previous)].next) =
      idle.next;
  (idle.next == kNone ? idle_last_ : pages_[static_cast<size_t>(idle.next)].previous) =
      idle.previous;
  idle.previous = kNone;
  idle.next = kNone;
  --idle_pages_;
}

bool PagePool::try_retain(PageId page) {
  Entry& held = entry(page);
  if (held.references == 0) {
    LEVIN_CHECK(held.is_findable);
    if (available_pages() == 0) {
      return false;
    }
    remove_idle(page);
    ++held_pages_;
  }
  ++held.references;
  return true;
}

void PagePool::release(PageId page) noexcept {
  LEVIN_DCHECK(page >= 0 && page < touched_pages());
  Entry& held = pages_[static_cast<size_t>(page)];
  LEVIN_DCHECK(held.references > 0);
  if (--held.references > 0) {
    return;
  }
  --held_pages_;
  if (held.is_findable) {
    append_idle(page);
  } else {
    held.next = std::exchange(free_top_, page);
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
