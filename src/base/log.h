// Log lines on stderr. Nothing below cli writes to std::cerr or std::cout by itself.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <string_view>
#include <utility>

namespace levin::base {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };

/// Lines below `level` are dropped. The start value is kWarning.
void set_log_level(LogLevel level);

using LogSink = std::function<void(LogLevel level, std::string_view message)>;

/// Lines go to `sink` instead of stderr, from any thread; empty: to stderr again.
void set_log_sink(LogSink sink);

/// Writes one line. Thread-safe.
void log_line(LogLevel level, std::string_view message);

template <typename... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
}

template <typename... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kWarning, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace levin::base
