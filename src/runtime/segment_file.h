// One cache page as a file: header with the token ids, the page's bytes, a checksum over both.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "kernels/kv_layout.h"
#include "runtime/page_key.h"

namespace levin::runtime {

/// What a page is, apart from its bytes.
struct PageRecord {
  PageKey key;
  PageKey previous;    ///< key of the page before it, or of the beginning
  uint64_t owner = 0;  ///< owner_tag of its salt
  int64_t depth = 0;   ///< pages before it
  std::array<int32_t, kernels::kPageTokens> ids{};
};

/// Ending of segment files; their names are keys in hexadecimal digits.
inline constexpr std::string_view kSegmentEnding = ".page";
/// Ending of files that were not finished.
inline constexpr std::string_view kUnfinishedEnding = ".tmp";

[[nodiscard]] std::string segment_path(const std::string& folder, const PageKey& key);

/// Bytes of a file with a page of so many bytes.
[[nodiscard]] int64_t segment_bytes(int64_t page_bytes);

/// Writes the file of a page under a temporary name, flushes it to the disk and renames it; nobody
/// ever changes it again. Its mode is 0600. Throws Error(kIo), leaving nothing behind.
void write_segment(const std::string& folder, const PageRecord& record,
                   std::span<const std::byte> page);

enum class SegmentOutcome {
  kRead,
  kMissing,
  kDamaged,  ///< another size, version, key, ids or checksum than it must have
};

/// Reads the page that `record` describes; its ids are compared too. Unless the outcome is kRead,
/// the content of `page` is unspecified. Throws Error(kIo) if the disk refuses.
[[nodiscard]] SegmentOutcome read_segment(const std::string& folder, const PageRecord& record,
                                          std::span<std::byte> page);

struct SegmentInfo {
  PageRecord record;
  int64_t bytes = 0;  ///< of the file
};

/// What the header of a segment file says; nothing if it is none of this version, has another size
/// than its header says, or is not named after its key. The checksum is left to read_segment.
/// Throws Error(kIo) if the disk refuses.
[[nodiscard]] std::optional<SegmentInfo> read_segment_info(const std::string& folder,
                                                           const PageKey& key);

}  // namespace levin::runtime
