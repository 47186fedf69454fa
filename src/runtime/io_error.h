// What the system refused the cache of pages on the disk. Private to runtime.
#pragma once

#include <cerrno>
#include <cstring>
#include <string>

#include "base/error.h"

namespace levin::runtime {

/// Throws Error(kIo) with what errno says: "cannot `doing`: No space left on device".
[[noreturn]] inline void throw_io_error(const std::string& path, const char* doing) {
  base::throw_error(base::ErrorCode::kIo, path, "cannot {}: {}", doing, std::strerror(errno));
}

}  // namespace levin::runtime
