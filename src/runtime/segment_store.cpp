#include "runtime/segment_store.h"

#include <algorithm>
#include <unordered_map>

#include "base/log.h"

namespace levin::runtime {

SegmentStore::SegmentStore(const std::string& cache_dir, int64_t limit_bytes)
    : folder_(cache_dir), index_(folder_.path()), limit_bytes_(limit_bytes) {
  remove_unfinished_segments(folder());
  begin();
  compare_with_files();
  commit();
}

void SegmentStore::compare_with_files() {
  std::unordered_map<PageKey, IndexedSegment, PageKeyHash> indexed;
  for (const IndexedSegment& segment : index_.all()) {
    indexed.emplace(segment.key, segment);
    latest_use_us_ = std::max(latest_use_us_, segment.used_us);
  }
  int64_t added = 0;
  for (const PageKey& key : list_segments(folder())) {
    if (const auto known = indexed.find(key); known != indexed.end()) {
      bytes_ += known->second.bytes;
      indexed.erase(known);
      continue;
    }
    const auto info = read_segment_info(folder(), key);
    if (!info.has_value()) {
      remove_segment(folder(), key);
      continue;
    }
    // Nobody knows when it was used last: it counts as unused since long.
    index_.put({.key = key,
                .owner = info->record.owner,
                .depth = info->record.depth,
                .bytes = info->bytes,
                .used_us = 0});
    bytes_ += info->bytes;
    ++added;
  }
  for (const auto& [key, segment] : indexed) {
    index_.erase(key);  // its file has gone
  }
  if (added > 0) {
    base::log_info("{}: {} files were not in the index and have been added", folder(), added);
  }
}

SegmentStore::Room SegmentStore::make_room(int64_t more_bytes, int64_t used_us) {
  constexpr int64_t kLookedUpAtOnce = 16;
  Room room;
  while (bytes_ + more_bytes > limit_bytes_) {
    const std::vector<IndexedSegment> oldest = index_.least_used(kLookedUpAtOnce);
    if (oldest.empty()) {
      return room;
    }
    for (const IndexedSegment& segment : oldest) {
      if (bytes_ + more_bytes <= limit_bytes_) {
        break;
      }
      if (segment.used_us >= used_us) {
        return room;
      }
      remove(segment.key);
      room.evicted.push_back(segment.key);
    }
  }
  room.fits = true;
  return room;
}

void SegmentStore::write(const PageRecord& record, std::span<const std::byte> page,
                         int64_t used_us) {
  write_segment(folder(), record, page);
  const int64_t bytes = segment_bytes(std::ssize(page));
  bytes_ += bytes;
  index_.put({.key = record.key,
              .owner = record.owner,
              .depth = record.depth,
              .bytes = bytes,
              .used_us = used_us});
}

void SegmentStore::remove(const PageKey& key) {
  remove_segment(folder(), key);
  bytes_ -= index_.erase(key);
}

}  // namespace levin::runtime
