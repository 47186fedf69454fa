#include "base/notice.h"

#include <unistd.h>

#include <string>

namespace levin::base {

void write_notice(std::string_view line) {
  const std::string text = std::string(line) + "\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace levin::base
