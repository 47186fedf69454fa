#include "base/durable.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/descriptor.h"
#include "base/error.h"

namespace levin::base {

namespace fs = std::filesystem;

namespace {

/// 0, or the errno of what failed.
int try_sync(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return file.is_open() && ::fsync(file.get()) == 0 ? 0 : errno;
}

}  // namespace

void sync_path(const std::string& path) {
  if (const int error = try_sync(path); error != 0) {
    throw_error(ErrorCode::kIo, path, "cannot flush to the disk: {}", std::strerror(error));
  }
}

void sync_folder(const std::string& folder) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    sync_path(entry.path().string());
  }
  sync_path(folder);
}

void sync_entry_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  (void)try_sync(slash == std::string::npos ? "." : path.substr(0, slash + 1));
}

void make_folder(const std::string& path) {
  std::error_code error;
  const fs::path folder = fs::absolute(path).lexically_normal();
  if (fs::is_directory(folder, error)) {
    return;
  }
  if (folder.has_parent_path() && folder.parent_path() != folder) {
    make_folder(folder.parent_path().string());
  }
  fs::create_directory(folder, error);
  if (error || !fs::is_directory(folder)) {
    throw_error(ErrorCode::kIo, path, "cannot make this folder: {}",
                error ? error.message() : "a file of that name is there");
  }
  sync_path(folder.parent_path().string());
}

}  // namespace levin::base
