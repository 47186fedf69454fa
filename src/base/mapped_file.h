// A file mapped read-only into memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace levin::base {

class MappedFile {
 public:
  MappedFile() = default;
  /// Throws Error(kNotFound), Error(kIo) or Error(kOutOfMemory) with the path. An empty file maps
  /// to an empty span.
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data_, size_bytes_}; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
  const std::byte* data_ = nullptr;
  size_t size_bytes_ = 0;
};

/// A mapped file that shrinks under the program raises SIGBUS. This installs a handler that turns
/// it into one sentence on stderr and exit code `exit_code`, instead of a crash. For main() only.
void install_truncation_handler(int exit_code);

/// Whole content of a (small) file. Throws Error(kNotFound|kIo); Error(kInvalidFile) beyond
/// `max_bytes`.
std::string read_file(const std::string& path, int64_t max_bytes);

/// Throws Error(kIo) if something that is no regular file (a device, a folder, a pipe) lies at
/// `path`: renaming a new file onto it would replace it.
void require_replaceable(const std::string& path);

/// Throws as write_file_atomically would for a file at `path` that cannot be made, before there is
/// anything to write.
void require_writable(const std::string& path);

/// Writes `content` under a temporary name in the same folder, fsyncs, renames and flushes the
/// folder's entry: the file is there whole or not at all, and stays. Throws Error(kNotFound | kIo),
/// also if `path` is no regular file.
void write_file_atomically(const std::string& path, std::string_view content);

}  // namespace levin::base
