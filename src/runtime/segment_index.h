// The index of the segment files: which there are, how large, when last used. Held in SQLite; a
// scan of the files makes it anew.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/page_key.h"

namespace levin::runtime {

struct IndexedSegment {
  PageKey key;
  uint64_t owner = 0;   ///< owner_tag of its salt
  int64_t depth = 0;    ///< pages before it in its chain
  int64_t bytes = 0;    ///< of the file
  int64_t used_us = 0;  ///< time of the last use, microseconds since 1970
};

/// Not thread-safe. Every function throws Error(kIo) if SQLite refuses.
class SegmentIndex {
 public:
  /// Opens or makes the database of a folder. One that is damaged or of another version is removed
  /// and made anew, empty.
  explicit SegmentIndex(const std::string& folder);
  ~SegmentIndex();
  SegmentIndex(const SegmentIndex&) = delete;
  SegmentIndex& operator=(const SegmentIndex&) = delete;

  /// Changes between begin and commit are made together. They are not flushed to the disk at once:
  /// what a power failure takes, the next scan finds again.
  void begin();
  void commit();

  void put(const IndexedSegment& segment);
  void set_used(const PageKey& key, int64_t used_us);
  /// Returns the bytes that the segment had; 0 if it was not there.
  int64_t erase(const PageKey& key);

  [[nodiscard]] std::vector<IndexedSegment> all();
  /// At most `count` segments, the longest unused first; of those used at the same time (by the
  /// same prompt) the deepest first, so that no chain loses its beginning before its end.
  [[nodiscard]] std::vector<IndexedSegment> least_used(int64_t count);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// What the index of a folder says now, read without changing it, also beside the process that
/// uses it. Empty if there is none or it cannot be read: the files say the rest.
[[nodiscard]] std::vector<IndexedSegment> read_segment_index(const std::string& folder);

}  // namespace levin::runtime
