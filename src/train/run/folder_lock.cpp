#include "train/run/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace levin::train::run {

using base::ErrorCode;
using base::throw_error;

FolderLock::FolderLock(const std::string& folder) {
  const std::string path = folder + "/" + kLockName;
  file_ = base::Descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!file_.is_open()) {
    throw_error(ErrorCode::kIo, path, "cannot write: {}", std::strerror(errno));
  }
  if (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0) {
    throw_error(ErrorCode::kInvalidArgument, folder,
                "another process trains in this folder; wait for it or choose another --out");
  }
}

}  // namespace levin::train::run
