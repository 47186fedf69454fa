#include "base/descriptor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace levin::base {
namespace {

struct OpenFile {
  Descriptor descriptor;
  mode_t mode;
};

OpenFile open_file(const std::string& path, int more_flags) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | more_flags));
  struct stat status {};
  if (!file.is_open() || ::fstat(file.get(), &status) != 0) {
    throw_errno(path, "open");
  }
  if (S_ISDIR(status.st_mode)) {
    throw_error(ErrorCode::kIo, path, "is a folder, a file was expected");
  }
  return {std::move(file), status.st_mode};
}

}  // namespace

Descriptor::Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

bool Descriptor::close() noexcept { return fd_ < 0 || ::close(std::exchange(fd_, -1)) == 0; }

Descriptor open_to_read(const std::string& path) { return open_file(path, 0).descriptor; }

Descriptor open_regular_to_read(const std::string& path) {
  OpenFile file = open_file(path, O_NONBLOCK);  // else opening a pipe waits for its writer
  if (!S_ISREG(file.mode)) {
    throw_error(ErrorCode::kIo, path, "is a pipe or a device, a regular file was expected");
  }
  return std::move(file.descriptor);
}

ErrorCode code_of_errno(int error) noexcept {
  if (error == ENOENT) {
    return ErrorCode::kNotFound;
  }
  return error == ENOMEM ? ErrorCode::kOutOfMemory : ErrorCode::kIo;
}

void throw_errno(const std::string& path, const char* action) {
  const int error = errno;
  throw_error(code_of_errno(error), path, "cannot {}: {}", action, std::strerror(error));
}

bool write_all(int fd, std::span<const std::byte> bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written < 0) {
      return false;
    }
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return true;
}

}  // namespace levin::base
