#include "serve/accounts/process_lock.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace levin::serve::accounts {
namespace {

/// Write lock of one byte; for locks of an open file (F_OFD_*) l_pid stays 0.
struct flock lock_of(int64_t server_id) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = server_id;
  lock.l_len = 1;
  return lock;
}

[[noreturn]] void throw_io(const std::string& path) {
  base::throw_error(base::ErrorCode::kIo, path, "cannot be opened and locked: {}",
                    std::strerror(errno));
}

}  // namespace

ProcessLock::ProcessLock(const std::string& accounts_path)
    : path_(accounts_path + "-servers"),
      file_(::open(path_.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)) {
  if (!file_.is_open()) {
    throw_io(path_);
  }
}

void ProcessLock::acquire(int64_t server_id) {
  struct flock lock = lock_of(server_id);
  if (::fcntl(file_.get(), F_OFD_SETLK, &lock) != 0) {
    throw_io(path_);
  }
}

bool ProcessLock::is_held_elsewhere(int64_t server_id) const {
  struct flock lock = lock_of(server_id);
  if (::fcntl(file_.get(), F_OFD_GETLK, &lock) != 0) {
    throw_io(path_);
  }
  return lock.l_type != F_UNLCK;
}

}  // namespace levin::serve::accounts
