// Which of the processes that opened an accounts file still live.
#pragma once

#include <cstdint>
#include <string>

#include "base/descriptor.h"

namespace levin::serve::accounts {

/// The file PATH-servers: byte N of it is locked by server N as long as its process lives. The
/// kernel drops such a lock at every kind of end, kill -9 and power cut included; unlike a process
/// id it cannot mean another process later, and it holds between containers that share the file.
class ProcessLock {
 public:
  /// Opens, or makes, the file of the accounts at `accounts_path`. Throws Error(kIo).
  explicit ProcessLock(const std::string& accounts_path);

  /// Holds the lock of `server_id` until the end of this object. Throws Error(kIo).
  void acquire(int64_t server_id);

  /// Whether another object, here or in another process, holds the lock of `server_id`. Throws
  /// Error(kIo).
  [[nodiscard]] bool is_held_elsewhere(int64_t server_id) const;

 private:
  std::string path_;
  base::Descriptor file_;
};

}  // namespace levin::serve::accounts
