// Where log lines go.
#include "base/log.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace levin::base {
namespace {

TEST(Log, LinesGoToTheSinkWhileThereIsOne) {
  std::vector<std::string> lines;
  set_log_sink([&](LogLevel level, std::string_view message) {
    lines.push_back((level == LogLevel::kWarning ? "warning " : "other ") + std::string(message));
  });
  log_warning("{} of {}", 1, 2);
  log_info("below the level");
  log_line(LogLevel::kError, "bad");
  set_log_sink({});
  log_warning("not for the sink");
  EXPECT_EQ(lines, (std::vector<std::string>{"warning 1 of 2", "other bad"}));
}

}  // namespace
}  // namespace levin::base
