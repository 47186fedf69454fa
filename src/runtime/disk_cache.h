// Cache pages that survive the process: written behind the engine's back, read when a prompt needs
// them again.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "runtime/segment_file.h"

namespace levin::runtime {

struct DiskCacheOptions {
  std::string cache_dir;    ///< made if it is not there
  int64_t limit_bytes = 0;  ///< of all segment files together
  /// Copies of pages that wait to be written; what comes beyond is not written.
  int64_t queue_bytes = int64_t{256} << 20;
};

struct DiskCacheStats {
  bool is_on = false;  ///< false: an error has turned the cache off
  int64_t pages = 0;   ///< in the folder, of all models and owners
  int64_t bytes = 0;   ///< of these files
  int64_t limit_bytes = 0;
  int64_t queued_pages = 0;  ///< waiting to be written
  // Since the start:
  int64_t read_pages = 0;
  int64_t written_pages = 0;
  int64_t dropped_pages =
      0;  ///< not written, because the queue was full or a page before is missing
  int64_t damaged_pages = 0;  ///< removed, because they were not what they should be
  int64_t evicted_pages = 0;  ///< removed, to stay within the limit
};

/// Holds pages of many models and owners in one folder, of which one process at a time is the
/// user. Nothing here throws, blocks on writing or spoils an answer: whatever the disk refuses
/// turns the cache off until the next start, with one line in the log; a damaged page is a page
/// that is not there, and goes. Writing and evicting happen on a thread of its own.
class DiskCache {
 public:
  /// Opens the folder and compares index and files. If it cannot be used, by this process or at
  /// all, the cache is off from the start.
  explicit DiskCache(const DiskCacheOptions& options);
  /// Writes what is queued, at most for the time of set_flush_limit.
  ~DiskCache();
  DiskCache(const DiskCache&) = delete;
  DiskCache& operator=(const DiskCache&) = delete;

  /// A time for the pages of one prompt, later than all before: microseconds since 1970.
  [[nodiscard]] int64_t new_use_us();

  /// True if the page can be read; no disk is touched.
  [[nodiscard]] bool contains(const PageKey& key) const;

  /// Reads a page from the disk. False if it is not there or damaged; `page` then holds anything.
  [[nodiscard]] bool try_read(const PageRecord& record, std::span<std::byte> page);

  /// Notes the use of a page; one that is not on the disk is copied and queued to be written,
  /// provided that the page before it is on the disk or queued: no chain gets a gap.
  void keep(const PageRecord& record, std::span<const std::byte> page, int64_t used_us);

  /// Waits until nothing is queued; false if that takes longer than `limit`.
  bool flush(std::chrono::milliseconds limit);
  /// How long the destructor may go on writing; 10 seconds unless set.
  void set_flush_limit(std::chrono::milliseconds limit) noexcept;

  [[nodiscard]] DiskCacheStats stats() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace levin::runtime
