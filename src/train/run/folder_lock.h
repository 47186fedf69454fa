// A folder that one process works in at a time.
#pragma once

#include <string>

#include "base/descriptor.h"

namespace levin::train::run {

/// The name of the file that stands for the lock; it stays behind.
inline constexpr const char* kLockName = "lock";

/// Holds the folder until it is destroyed or the process ends, however it ends.
class FolderLock {
 public:
  /// Throws Error(kInvalidArgument) if another process has it, Error(kIo).
  explicit FolderLock(const std::string& folder);

 private:
  base::Descriptor file_;
};

}  // namespace levin::train::run
