// Pages for tests of the cache on disk: whoever knows seed and depth knows ids and bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "formats/temporary_folder.h"
#include "runtime/disk_cache.h"
#include "runtime/page_key.h"
#include "runtime/segment_file.h"
#include "runtime/segment_folder.h"

namespace levin::runtime::testing {

using levin::testing::TemporaryFolder;

inline constexpr int64_t kTestPageBytes = 3000;

/// The first pages of a chain.
inline std::vector<PageRecord> chain_of(uint64_t seed, int64_t pages) {
  std::vector<PageRecord> chain;
  PageKey previous = root_key("test", {.salt = seed});
  for (int64_t depth = 0; depth < pages; ++depth) {
    PageRecord& record = chain.emplace_back();
    record.previous = previous;
    record.owner = owner_tag(seed);
    record.depth = depth;
    for (size_t i = 0; i < record.ids.size(); ++i) {
      const uint64_t counter = static_cast<uint64_t>(depth) * record.ids.size() + i;
      record.ids[i] = static_cast<int32_t>(base::random_bits(seed, counter) % 100000);
    }
    record.key = next_key(previous, record.ids);
    previous = record.key;
  }
  return chain;
}

/// The bytes of a page: a function of its key.
inline std::vector<std::byte> bytes_of(const PageRecord& record, int64_t bytes = kTestPageBytes) {
  std::vector<std::byte> page(static_cast<size_t>(bytes));
  const uint64_t seed = PageKeyHash()(record.key);
  for (size_t i = 0; i < page.size(); ++i) {
    page[i] = static_cast<std::byte>(base::random_bits(seed, i / 8) >> (i % 8 * 8));
  }
  return page;
}

enum class Found { kNothing, kRight, kWrong };

/// What a cache gives for a page.
inline Found look_up(DiskCache& cache, const PageRecord& record, int64_t bytes = kTestPageBytes) {
  std::vector<std::byte> page(static_cast<size_t>(bytes));
  if (!cache.try_read(record, page)) {
    return Found::kNothing;
  }
  return page == bytes_of(record, bytes) ? Found::kRight : Found::kWrong;
}

/// Pages at the beginning of a chain that a cache gives back, all of them right; -1: one is wrong.
inline int64_t right_pages(DiskCache& cache, const std::vector<PageRecord>& chain,
                           int64_t bytes = kTestPageBytes) {
  int64_t pages = 0;
  for (const PageRecord& record : chain) {
    const Found found = look_up(cache, record, bytes);
    if (found != Found::kRight) {
      return found == Found::kWrong ? -1 : pages;
    }
    ++pages;
  }
  return pages;
}

inline void keep_all(DiskCache& cache, const std::vector<PageRecord>& chain,
                     int64_t bytes = kTestPageBytes) {
  const int64_t used_us = cache.new_use_us();
  for (const PageRecord& record : chain) {
    cache.keep(record, bytes_of(record, bytes), used_us);
  }
}

inline DiskCacheOptions options_in(const TemporaryFolder& folder,
                                   int64_t limit_bytes = int64_t{1} << 30) {
  DiskCacheOptions options;
  options.cache_dir = folder.path();
  options.limit_bytes = limit_bytes;
  return options;
}

/// Bytes of all segment files.
inline int64_t bytes_on_disk(const TemporaryFolder& folder) {
  int64_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(segment_folder_path(folder.path()))) {
    const std::string name = file.path().filename();
    bytes += name.ends_with(kSegmentEnding) || name.ends_with(kUnfinishedEnding)
                 ? static_cast<int64_t>(file.file_size())
                 : 0;
  }
  return bytes;
}

inline void flip_bit(const std::string& path, int64_t offset, int bit = 0) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(offset);
  const auto byte = static_cast<char>(file.get() ^ (1 << bit));
  file.seekp(offset);
  file.put(byte);
}

}  // namespace levin::runtime::testing
