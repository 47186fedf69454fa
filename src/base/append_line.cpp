#include "base/append_line.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <span>

#include "base/descriptor.h"
#include "base/error.h"

namespace levin::base {

void append_line(const std::string& path, const std::string& line) {
  const std::string text = line + "\n";
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!file.is_open() || !write_all(file.get(), std::as_bytes(std::span(text)))) {
    throw_error(ErrorCode::kIo, path, "cannot write: {}", std::strerror(errno));
  }
}

}  // namespace levin::base
