// Looking into and emptying a cache folder from outside: what `levin cache` does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/segment_index.h"

namespace levin::runtime {

/// The segments that lie in a cache folder now, in no order, by the index and, where that does not
/// know a file, by the file's header; the time of the last use is then 0. Changes nothing and may
/// run beside the process that uses the folder. Throws Error(kNotFound) if there is no cache in the
/// folder, Error(kIo) if the disk refuses.
[[nodiscard]] std::vector<IndexedSegment> survey_segments(const std::string& cache_dir);

struct PurgedSegments {
  int64_t pages = 0;
  int64_t bytes = 0;  ///< of their files
};

/// Removes the segments of one owner (owner_tag of its salt), or all. Throws Error(kNotFound) if
/// there is no cache in the folder; Error(kIo) if the disk refuses, or if a process uses the
/// folder, since that one has pages in memory too and would write them again.
PurgedSegments purge_segments(const std::string& cache_dir, std::optional<uint64_t> owner);

}  // namespace levin::runtime
