#include "runtime/segment_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <functional>
#include <thread>

#include "base/error.h"
#include "runtime/io_error.h"

namespace levin::runtime {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;

void make_private_folder(const std::string& path) {
  std::error_code error;
  fs::create_directories(fs::path(path).parent_path(), error);
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    throw_io_error(path, "make the cache folder");
  }
  const base::Descriptor folder(
      ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.is_open()) {
    throw_io_error(path, "open the cache folder");
  }
  struct stat status {};
  const bool is_ours = ::fstat(folder.get(), &status) == 0 && status.st_uid == ::geteuid();
  // Pages are read back without suspicion, so nobody else may put any there.
  const bool is_private = is_ours && ::fchmod(folder.get(), 0700) == 0;
  if (!is_private) {
    base::throw_error(ErrorCode::kIo, path,
                      "the cache folder belongs to another user; choose a folder of your own");
  }
}

/// Tries for a moment: whoever only asks whether the folder is in use holds the lock that long.
bool try_lock(int lock) {
  constexpr int kTries = 10;
  constexpr std::chrono::milliseconds kPause(10);
  for (int i = 1; ::flock(lock, LOCK_EX | LOCK_NB) != 0; ++i) {
    if (errno != EWOULDBLOCK || i == kTries) {
      return false;
    }
    std::this_thread::sleep_for(kPause);
  }
  return true;
}

std::string lock_path(const std::string& folder) { return folder + "/lock"; }

void for_each_name(const std::string& folder,
                   const std::function<void(const std::string& name)>& visit) {
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  if (error == std::errc::no_such_file_or_directory) {
    return;
  }
  for (const fs::directory_iterator end; !error && entries != end; entries.increment(error)) {
    visit(entries->path().filename().string());
  }
  if (error) {
    base::throw_error(ErrorCode::kIo, folder, "cannot list the cache folder: {}", error.message());
  }
}

}  // namespace

std::string segment_folder_path(const std::string& cache_dir) {
  return cache_dir + "/prefix-cache";
}

SegmentFolder::SegmentFolder(const std::string& cache_dir) : path_(segment_folder_path(cache_dir)) {
  make_private_folder(path_);
  lock_ = base::Descriptor(
      ::open(lock_path(path_).c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock_.is_open()) {
    throw_io_error(lock_path(path_), "open the lock");
  }
  // The system releases the lock when the process ends, however it ends.
  if (!try_lock(lock_.get())) {
    if (errno == EWOULDBLOCK) {
      base::throw_error(ErrorCode::kIo, path_,
                        "another process uses this cache folder; end it or choose another folder");
    }
    throw_io_error(lock_path(path_), "lock the cache folder");
  }
}

bool is_segment_folder_in_use(const std::string& cache_dir) {
  const std::string path = lock_path(segment_folder_path(cache_dir));
  const base::Descriptor lock(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return lock.is_open() && ::flock(lock.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

std::vector<PageKey> list_segments(const std::string& folder) {
  std::vector<PageKey> keys;
  for_each_name(folder, [&keys](std::string_view name) {
    if (name.ends_with(kSegmentEnding)) {
      name.remove_suffix(kSegmentEnding.size());
      if (const auto key = PageKey::from_hex(name)) {
        keys.push_back(*key);
      }
    }
  });
  return keys;
}

void remove_unfinished_segments(const std::string& folder) {
  for_each_name(folder, [&folder](const std::string& name) {
    if (name.ends_with(kUnfinishedEnding)) {
      ::unlink((folder + "/" + name).c_str());
    }
  });
}

void remove_segment(const std::string& folder, const PageKey& key) {
  const std::string path = segment_path(folder, key);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    throw_io_error(path, "remove the cache file");
  }
}

}  // namespace levin::runtime
