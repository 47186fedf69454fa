// A file mapped read-only into memory.
#pragma once

#include <cstddef>
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

}  // namespace levin::base
