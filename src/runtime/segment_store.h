// Segment files and their index as one: what the thread of the disk cache works on.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/segment_folder.h"
#include "runtime/segment_index.h"

namespace levin::runtime {

/// Keeps the files of a folder within a limit. Not thread-safe. Every function throws Error(kIo) if
/// the disk or SQLite refuses.
class SegmentStore {
 public:
  /// Locks the folder, removes unfinished files and brings the index in line with the files: those
  /// that it does not know are read (only their headers) and added, unusable ones removed.
  SegmentStore(const std::string& cache_dir, int64_t limit_bytes);

  [[nodiscard]] const std::string& folder() const noexcept { return folder_.path(); }
  [[nodiscard]] int64_t bytes() const noexcept { return bytes_; }
  /// All segments, in no order.
  [[nodiscard]] std::vector<IndexedSegment> segments() { return index_.all(); }
  /// The latest use of any segment, microseconds since 1970.
  [[nodiscard]] int64_t latest_use_us() const noexcept { return latest_use_us_; }

  struct Room {
    bool fits = false;
    std::vector<PageKey> evicted;
  };
  /// Evicts, longest unused first, until `more_bytes` fit beside what was used since `used_us`;
  /// they do not if that alone fills the folder.
  [[nodiscard]] Room make_room(int64_t more_bytes, int64_t used_us);

  /// Writes a page that is not there yet, for which there is room.
  void write(const PageRecord& record, std::span<const std::byte> page, int64_t used_us);
  void set_used(const PageKey& key, int64_t used_us) { index_.set_used(key, used_us); }
  void remove(const PageKey& key);

  /// Changes of the index between begin and commit are made together.
  void begin() { index_.begin(); }
  void commit() { index_.commit(); }

 private:
  void compare_with_files();

  SegmentFolder folder_;
  SegmentIndex index_;
  int64_t limit_bytes_;
  int64_t bytes_ = 0;
  int64_t latest_use_us_ = 0;
};

}  // namespace levin::runtime
