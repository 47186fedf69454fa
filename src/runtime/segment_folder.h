// The folder of the cache on disk: who may use it, and what lies in it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/descriptor.h"
#include "runtime/page_key.h"
#include "runtime/segment_file.h"

namespace levin::runtime {

/// The folder inside a user's cache folder that holds segments, index and lock, and nothing else.
[[nodiscard]] std::string segment_folder_path(const std::string& cache_dir);

/// The one process that may use the segments of a cache folder at a time holds this.
class SegmentFolder {
 public:
  /// Makes the folder, with mode 0700, if it is not there, and locks it. Throws Error(kIo) if it
  /// cannot, if the folder is somebody else's, or if another process uses it.
  explicit SegmentFolder(const std::string& cache_dir);

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
  base::Descriptor lock_;
};

/// True while a process uses the segments of `cache_dir`.
[[nodiscard]] bool is_segment_folder_in_use(const std::string& cache_dir);

/// Keys of the segment files in a folder of segments, judged by their names; none if the folder is
/// not there. Throws Error(kIo).
[[nodiscard]] std::vector<PageKey> list_segments(const std::string& folder);

/// Removes what writes that never ended have left. Throws Error(kIo).
void remove_unfinished_segments(const std::string& folder);

/// Removes the file of a segment; one that is not there is fine. Throws Error(kIo).
void remove_segment(const std::string& folder, const PageKey& key);

}  // namespace levin::runtime
