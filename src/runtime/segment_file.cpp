#include "runtime/segment_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "base/descriptor.h"
#include "base/unfinished_file.h"
#include "runtime/io_error.h"

namespace levin::runtime {
namespace {

constexpr std::array<char, 8> kMagic = {'L', 'E', 'V', 'I', 'N', 'P', 'G', '\n'};
constexpr uint32_t kVersion = 1;

/// The first bytes of a segment file; numbers are little-endian.
struct Header {
  std::array<char, 8> magic = kMagic;
  uint32_t version = kVersion;
  uint32_t page_tokens = kernels::kPageTokens;
  uint64_t page_bytes = 0;
  uint64_t owner = 0;
  int64_t depth = 0;
  PageKey key;
  PageKey previous;
  std::array<int32_t, kernels::kPageTokens> ids{};
  uint64_t checksum = 0;  // XXH3 of the header with 0 in this place and of the page
};
static_assert(sizeof(Header) == 368 && std::endian::native == std::endian::little);

/// An open file.
class File {
 public:
  File(std::string path, int flags)
      : path_(std::move(path)), file_(::open(path_.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600)) {
    if (!exists() && (errno != ENOENT || (flags & O_CREAT) != 0)) {
      throw_io_error(path_, "open the cache file");
    }
  }
  [[nodiscard]] bool exists() const { return file_.is_open(); }

  [[nodiscard]] int64_t size() const {
    struct stat status {};
    if (::fstat(file_.get(), &status) != 0) {
      throw_io_error(path_, "examine the cache file");
    }
    return status.st_size;
  }

  void write(std::span<const std::byte> bytes) const {
    if (!base::write_all(file_.get(), bytes)) {
      throw_io_error(path_, "write the cache file");
    }
  }

  /// Fills `bytes` from the file's position on; false if the file ends before.
  [[nodiscard]] bool read(std::span<std::byte> bytes) const {
    while (!bytes.empty()) {
      const ssize_t got = ::read(file_.get(), bytes.data(), bytes.size());
      if (got < 0 && errno != EINTR) {
        throw_io_error(path_, "read the cache file");
      }
      if (got == 0) {
        return false;
      }
      bytes = bytes.subspan(static_cast<size_t>(std::max<ssize_t>(got, 0)));
    }
    return true;
  }

  void flush() const {
    if (::fsync(file_.get()) != 0) {
      throw_io_error(path_, "flush the cache file");
    }
  }

 private:
  std::string path_;
  base::Descriptor file_;
};

uint64_t checksum(Header header, std::span<const std::byte> page) {
  header.checksum = 0;
  const std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state(XXH3_createState(),
                                                                              XXH3_freeState);
  LEVIN_CHECK(state != nullptr && XXH3_64bits_reset(state.get()) == XXH_OK &&
              XXH3_64bits_update(state.get(), &header, sizeof(header)) == XXH_OK &&
              XXH3_64bits_update(state.get(), page.data(), page.size()) == XXH_OK);
  return XXH3_64bits_digest(state.get());
}

/// The header, if it is one of this version and the file has the size that it says.
std::optional<Header> read_header(const File& file) {
  Header header;
  const bool is_whole = file.read(std::as_writable_bytes(std::span(&header, 1)));
  if (!is_whole || header.magic != kMagic || header.version != kVersion ||
      header.page_tokens != kernels::kPageTokens ||
      header.page_bytes != static_cast<uint64_t>(file.size()) - sizeof(Header)) {
    return std::nullopt;
  }
  return header;
}

}  // namespace

std::string segment_path(const std::string& folder, const PageKey& key) {
  return fmt::format("{}/{}{}", folder, key.hex(), kSegmentEnding);
}

int64_t segment_bytes(int64_t page_bytes) { return page_bytes + int64_t{sizeof(Header)}; }

void write_segment(const std::string& folder, const PageRecord& record,
                   std::span<const std::byte> page) {
  Header header;
  header.page_bytes = page.size();
  header.owner = record.owner;
  header.depth = record.depth;
  header.key = record.key;
  header.previous = record.previous;
  header.ids = record.ids;
  header.checksum = checksum(header, page);
  const std::string path = segment_path(folder, record.key);
  base::UnfinishedFile unfinished(path + std::string(kUnfinishedEnding));
  {
    const File file(unfinished.path(), O_WRONLY | O_CREAT | O_TRUNC);
    file.write(std::as_bytes(std::span(&header, 1)));
    file.write(page);
    file.flush();
  }
  // The folder is not flushed: a rename that a power failure undoes is only a miss.
  if (::rename(unfinished.path().c_str(), path.c_str()) != 0) {
    throw_io_error(path, "rename the cache file");
  }
  unfinished.keep();
}

SegmentOutcome read_segment(const std::string& folder, const PageRecord& record,
                            std::span<std::byte> page) {
  const File file(segment_path(folder, record.key), O_RDONLY);
  if (!file.exists()) {
    return SegmentOutcome::kMissing;
  }
  const std::optional<Header> header = read_header(file);
  if (!header.has_value() || header->page_bytes != page.size() || header->key != record.key ||
      header->previous != record.previous || header->ids != record.ids || !file.read(page) ||
      header->checksum != checksum(*header, page)) {
    return SegmentOutcome::kDamaged;
  }
  return SegmentOutcome::kRead;
}

std::optional<SegmentInfo> read_segment_info(const std::string& folder, const PageKey& key) {
  const File file(segment_path(folder, key), O_RDONLY);
  if (!file.exists()) {
    return std::nullopt;
  }
  const std::optional<Header> header = read_header(file);
  if (!header.has_value() || header->key != key || next_key(header->previous, header->ids) != key) {
    return std::nullopt;
  }
  return SegmentInfo{.record = {.key = header->key,
                                .previous = header->previous,
                                .owner = header->owner,
                                .depth = header->depth,
                                .ids = header->ids},
                     .bytes = file.size()};
}

}  // namespace levin::runtime
