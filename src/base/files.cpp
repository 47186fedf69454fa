#include "base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "base/descriptor.h"
#include "base/durable.h"
#include "base/error.h"
#include "base/unfinished_file.h"

namespace levin::base {
namespace {

/// Type of what lies at `path`; none if there is nothing.
std::optional<mode_t> mode_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) {
    return status.st_mode;
  }
  if (errno != ENOENT && errno != ENOTDIR) {
    throw_errno(path, "open");
  }
  return std::nullopt;
}

std::string read_all(const Descriptor& file, const std::string& path, int64_t max_bytes) {
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

}  // namespace

std::string read_file(const std::string& path, int64_t max_bytes) {
  return read_all(open_to_read(path), path, max_bytes);
}

std::string read_regular_file(const std::string& path, int64_t max_bytes) {
  return read_all(open_regular_to_read(path), path, max_bytes);
}

bool exists(const std::string& path) { return mode_of(path).has_value(); }

bool is_folder(const std::string& path) {
  const std::optional<mode_t> mode = mode_of(path);
  return mode.has_value() && S_ISDIR(*mode);
}

Error to_error(const std::filesystem::filesystem_error& error) {
  std::string paths = error.path1().string();
  if (!error.path2().empty()) {
    paths += " -> " + error.path2().string();
  }
  return {code_of_errno(error.code().value()), error.code().message(), paths};
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
