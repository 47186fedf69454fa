#include "runtime/segment_survey.h"

#include <filesystem>
#include <limits>
#include <unordered_map>

#include "base/error.h"
#include "runtime/segment_file.h"
#include "runtime/segment_folder.h"
#include "runtime/segment_store.h"

namespace levin::runtime {
namespace {

using base::ErrorCode;

void require_cache(const std::string& cache_dir) {
  std::error_code error;
  if (!std::filesystem::is_directory(segment_folder_path(cache_dir), error)) {
    base::throw_error(ErrorCode::kNotFound, cache_dir,
                      "there is no prefix cache in this folder; name the folder that --cache or "
                      "the setting disk_cache named");
  }
}

}  // namespace

std::vector<IndexedSegment> survey_segments(const std::string& cache_dir) {
  require_cache(cache_dir);
  const std::string folder = segment_folder_path(cache_dir);
  std::unordered_map<PageKey, IndexedSegment, PageKeyHash> indexed;
  for (const IndexedSegment& segment : read_segment_index(folder)) {
    indexed.emplace(segment.key, segment);
  }
  std::vector<IndexedSegment> segments;
  for (const PageKey& key : list_segments(folder)) {
    if (const auto known = indexed.find(key); known != indexed.end()) {
      segments.push_back(known->second);
    } else if (const auto info = read_segment_info(folder, key)) {  // else gone or unusable
      segments.push_back({.key = key,
                          .owner = info->record.owner,
                          .depth = info->record.depth,
                          .bytes = info->bytes,
                          .used_us = 0});
    }
  }
  return segments;
}

PurgedSegments purge_segments(const std::string& cache_dir, std::optional<uint64_t> owner) {
  require_cache(cache_dir);
  if (is_segment_folder_in_use(cache_dir)) {
    base::throw_error(ErrorCode::kIo, cache_dir,
                      "a running levin uses this cache folder and has pages of it in memory too; "
                      "stop it and try again");
  }
  SegmentStore store(cache_dir, std::numeric_limits<int64_t>::max());
  PurgedSegments purged;
  store.begin();
  for (const IndexedSegment& segment : store.segments()) {
    if (!owner.has_value() || segment.owner == *owner) {
      store.remove(segment.key);
      ++purged.pages;
      purged.bytes += segment.bytes;
    }
  }
  store.commit();
  return purged;
}

}  // namespace levin::runtime
