#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <mutex>
#include <utility>

namespace levin::base {
namespace {

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

/// Where lines go instead of stderr.
struct Redirection {
  std::mutex mutex;
  LogSink sink;
};

Redirection& redirection() {
  static Redirection instance;
  return instance;
}

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto made = std::make_shared<spdlog::logger>(
        "levin", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    made->set_pattern("levin: %^%l%$: %v");
    made->set_level(spdlog::level::warn);
    return made;
  }();
  return *instance;
}

}  // namespace

void set_log_level(LogLevel level) { logger().set_level(spdlog_level(level)); }

void set_log_sink(LogSink sink) {
  const std::lock_guard lock(redirection().mutex);
  redirection().sink = std::move(sink);
}

void log_line(LogLevel level, std::string_view message) {
  if (!logger().should_log(spdlog_level(level))) {
    return;
  }
  const std::lock_guard lock(redirection().mutex);
  if (redirection().sink) {
    redirection().sink(level, message);
    return;
  }
  logger().log(spdlog_level(level), message);
}

}  // namespace levin::base
