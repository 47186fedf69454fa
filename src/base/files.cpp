#include "base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/descriptor.h"
#include "base/durable.h"
#include "base/error.h"
#include "base/unfinished_file.h"

namespace levin::base {

std::string read_file(const std::string& path, int64_t max_bytes) {
  const Descriptor file = open_to_read(path);
  std::string content;
  char buffer[1 << 16];
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      throw_errno(path, "read");
    }
    if (got == 0) {
      return content;
    }
    content.append(buffer, static_cast<size_t>(got));
    if (static_cast<int64_t>(content.size()) > max_bytes) {
      throw_error(ErrorCode::kInvalidFile, path, "is larger than the {} bytes allowed here",
                  max_bytes);
    }
  }
}

void require_replaceable(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    throw_error(ErrorCode::kIo, path, "is not a regular file; name a file to write to");
  }
}

void require_writable(const std::string& path) {
  require_replaceable(path);
  const UnfinishedFile probe(temporary_name(path));
  const Descriptor file(::open(probe.path().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  if (!file.is_open()) {
    throw_errno(path, "write");
  }
}

void write_file_atomically(const std::string& path, std::string_view content) {
  require_replaceable(path);
  UnfinishedFile temporary(temporary_name(path));
  const Descriptor file(
      ::open(temporary.path().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file.is_open()) {
    throw_errno(path, "write");
  }
  if (!write_all(file.get(), std::as_bytes(std::span(content))) || ::fsync(file.get()) != 0 ||
      ::rename(temporary.path().c_str(), path.c_str()) != 0) {
    throw_errno(path, "write");
  }
  temporary.keep();
  sync_entry_of(path);
}

std::string without_final_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') {
    path.pop_back();
  }
  return path;
}

}  // namespace levin::base
