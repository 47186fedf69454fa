#include "cli/output.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "base/descriptor.h"
#include "base/error.h"

namespace levin::cli {

void write_output(std::string_view text) {
  if (base::write_all(STDOUT_FILENO, std::as_bytes(std::span(text)))) {
    return;
  }
  if (errno == EPIPE) {
    throw OutputClosed();
  }
  throw OutputFailed(std::string("cannot write: ") + std::strerror(errno));
}

std::string json_text(const nlohmann::json& value) {
  return value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

void write_json(const nlohmann::json& value) { write_output(json_text(value)); }

void occupy_standard_streams() {
  for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; ++descriptor) {
    if (::fcntl(descriptor, F_GETFD) < 0 && errno == EBADF) {
      // Opened the wrong way round; open() takes the lowest free number, which is this one.
      [[maybe_unused]] const int opened =
          ::open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    }
  }
}

void ignore_write_signals() {
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
}

}  // namespace levin::cli
