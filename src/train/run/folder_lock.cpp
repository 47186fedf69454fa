#include "train/run/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace levin::train::run {

using base::ErrorCode;
using base::throw_error;

FolderLock::FolderLock(const std::string& folder) {
  const std::string path = folder + "/" + kLockName;
  descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor_ < 0) {
    throw_error(ErrorCode::kIo, path, "cannot write: {}", std::strerror(errno));
  }
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    ::close(descriptor_);
    throw_error(ErrorCode::kInvalidArgument, folder,
                "another process trains in this folder; wait for it or choose another --out");
  }
}

FolderLock::~FolderLock() { ::close(descriptor_); }

}  // namespace levin::train::run
