// Open files as the kernel numbers them.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/error.h"

namespace levin::base {

/// A file descriptor that closes itself. One below 0 stands for none, as ::open returns it.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  ~Descriptor() { (void)close(); }
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
  [[nodiscard]] int get() const noexcept { return fd_; }

  /// Closes now rather than at the end; false, with errno set, if the kernel reports an error, as
  /// some file systems do of earlier writes. Nothing happens to one that is not open.
  bool close() noexcept;

 private:
  int fd_ = -1;
};

/// Opens a file for reading. Throws Error(kNotFound | kIo), also of a folder.
[[nodiscard]] Descriptor open_to_read(const std::string& path);

/// The same for a file whose bytes lie on a disk. Throws Error(kIo) for a pipe or a device, at
/// once.
[[nodiscard]] Descriptor open_regular_to_read(const std::string& path);

/// kNotFound, kOutOfMemory or else kIo.
[[nodiscard]] ErrorCode code_of_errno(int error) noexcept;

/// Throws Error "`path`: cannot `action`: reason" with the reason that errno holds.
[[noreturn]] void throw_errno(const std::string& path, const char* action);

/// Writes all of `bytes` at the place where the descriptor stands, however few of them the kernel
/// takes at a time. False, with errno set, if it refuses.
[[nodiscard]] bool write_all(int fd, std::span<const std::byte> bytes) noexcept;

}  // namespace levin::base
