// Memory of the caches of all sequences: pages of one size, counted references, promises.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "tensor/buffer.h"

namespace levin::runtime {

using PageId = int32_t;

/// A page is in one of three states: free; held (at least one reference); or idle, which means that
/// nobody holds it but the prefix cache may find it again. Idle pages are reused, the longest idle
/// first, when no free page is left.
///
/// Who needs pages reserves them first, all at once, and acquires them one by one later: so a
/// running sequence never finds the pool empty. Giving back (release, unreserve) takes no memory
/// and throws nothing, so that destructors may do it. Not thread-safe.
class PagePool {
 public:
  /// `page_bytes` and `capacity_pages` are positive. Takes no memory yet: slabs of about 32 MiB are
  /// mapped as pages are first used, and the system commits them as they are written.
  PagePool(int64_t page_bytes, int64_t capacity_pages);

  [[nodiscard]] int64_t page_bytes() const noexcept { return page_bytes_; }
  [[nodiscard]] int64_t capacity_pages() const noexcept { return capacity_pages_; }
  /// Pages with at least one reference.
  [[nodiscard]] int64_t held_pages() const noexcept { return held_pages_; }
  [[nodiscard]] int64_t idle_pages() const noexcept { return idle_pages_; }
  [[nodiscard]] int64_t reserved_pages() const noexcept { return reserved_pages_; }
  /// Pages that can still be reserved: neither held nor reserved.
  [[nodiscard]] int64_t available_pages() const noexcept {
    return capacity_pages_ - held_pages_ - reserved_pages_;
  }
  /// Pages that were ever used: the memory that the pool may have committed.
  [[nodiscard]] int64_t touched_pages() const noexcept {
    return static_cast<int64_t>(pages_.size());
  }

  /// Promises `pages` pages to the caller; false, and no change, if they are not there.
  [[nodiscard]] bool try_reserve(int64_t pages);
  /// Gives back a promise that was not used.
  void unreserve(int64_t pages) noexcept;

  /// A page with one reference, out of the caller's reservation. Its content is unspecified.
  /// Throws Error(kOutOfMemory), and changes nothing, if the system refuses the memory of a slab.
  [[nodiscard]] PageId acquire();
  /// One more reference to a held or idle page. An idle page counts as held from then on, which is
  /// only possible while available_pages() > 0: false, and no change, otherwise.
  [[nodiscard]] bool try_retain(PageId page);
  /// One reference less. Without any left the page becomes idle if it is findable, else free.
  void release(PageId page) noexcept;

  /// Marks a held page as findable: it survives as an idle page. `on_reuse` of set_on_reuse hears
  /// when that ends.
  void make_findable(PageId page);
  /// Called with a findable page whose memory is about to be used for something else.
  void set_on_reuse(std::function<void(PageId)> on_reuse) noexcept {
    on_reuse_ = std::move(on_reuse);
  }

  [[nodiscard]] int32_t references(PageId page) const { return entry(page).references; }
  /// Start of the page, aligned to 64 bytes.
  [[nodiscard]] std::byte* data(PageId page) const;

 private:
  static constexpr PageId kNone = -1;

  /// Free and idle pages are chained through their entries, so that no list needs memory.
  struct Entry {
    int32_t references = 0;
    bool is_findable = false;
    PageId next = kNone;      // of a free page: below it on the stack; of an idle page: idle later
    PageId previous = kNone;  // of an idle page: idle earlier
  };

  [[nodiscard]] Entry& entry(PageId page);
  [[nodiscard]] const Entry& entry(PageId page) const;
  [[nodiscard]] PageId take_page();
  void add_page();
  void append_idle(PageId page) noexcept;
  void remove_idle(PageId page) noexcept;

  int64_t page_bytes_;
  int64_t stride_bytes_;  // page_bytes_ rounded up to 64
  int64_t capacity_pages_;
  int64_t slab_pages_;
  int64_t held_pages_ = 0;
  int64_t idle_pages_ = 0;
  int64_t reserved_pages_ = 0;
  std::vector<tensor::Buffer> slabs_;  // [ceil(touched pages / slab_pages_)]
  std::vector<Entry> pages_;           // [touched pages]
  PageId free_top_ = kNone;            // of a stack: memory used last is used again first
  PageId idle_first_ = kNone;          // the longest idle page
  PageId idle_last_ = kNone;
  std::function<void(PageId)> on_reuse_;
};

}  // namespace levin::runtime
