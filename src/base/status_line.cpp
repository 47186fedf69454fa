#include "base/status_line.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <string>

namespace levin::base {
namespace {

constexpr std::string_view kClearLine = "\r\x1b[K";

void write_raw(std::string_view text) {
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

bool begins_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }

}  // namespace

int terminal_columns(int fd) {
  winsize window{};
  return ::ioctl(fd, TIOCGWINSZ, &window) == 0 ? window.ws_col : 0;
}

std::string_view cut_to_columns(std::string_view line, int columns) {
  if (columns <= 0) {
    return line;
  }
  int characters = 0;
  for (size_t at = 0; at < line.size(); ++at) {
    if (begins_character(line[at]) && ++characters > columns) {
      return line.substr(0, at);
    }
  }
  return line;
}

void draw_status_line(std::string_view line) {
  const int columns = terminal_columns(STDERR_FILENO);
  // Some terminals wrap as soon as the last column is written.
  const int usable = columns == 0 ? 0 : std::max(1, columns - 1);
  write_raw(std::string(kClearLine) + std::string(cut_to_columns(line, usable)));
}

void wipe_status_line() { write_raw(kClearLine); }

}  // namespace levin::base
