#include "cli/output.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"

namespace levin::cli {

void write_output(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0) {
      if (errno == EINTR) {
        continue;
      }
      if (errno == EPIPE) {
        throw OutputClosed();
      }
      base::throw_error(base::ErrorCode::kIo, "standard output", "cannot write: {}",
                        std::strerror(errno));
    }
    text.remove_prefix(static_cast<size_t>(written));
  }
}

void write_json(const nlohmann::json& value) {
  write_output(value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

void ignore_broken_pipes() { ::signal(SIGPIPE, SIG_IGN); }

void write_notice(std::string_view line) {
  const std::string text = std::string(line) + "\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace levin::cli
