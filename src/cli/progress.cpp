#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/notice.h"
#include "base/status_line.h"
#include "base/units.h"

namespace levin::cli {
namespace {

constexpr int kBarWidth = 24;
constexpr std::chrono::milliseconds kRedrawInterval(100);
constexpr std::chrono::seconds kPlainInterval(10);

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::string describe_amount(ProgressUnit unit, int64_t done, int64_t total, double rate) {
  switch (unit) {
    case ProgressUnit::kTokens:
      return fmt::format("{}/{} tokens, {:.0f} tokens/s", done, total, rate);
    case ProgressUnit::kQuestions:
      return fmt::format("{}/{} questions, {:.1f} questions/s", done, total, rate);
    case ProgressUnit::kBytes:
      break;
  }
  return fmt::format("{} of {}, {}/s", base::format_bytes(done), base::format_bytes(total),
                     base::format_bytes(static_cast<int64_t>(rate)));
}

}  // namespace

std::string format_count(int64_t count) {
  constexpr std::pair<double, const char*> kUnits[] = {{1e9, "B"}, {1e6, "M"}, {1e3, "k"}};
  for (const auto& [size, name] : kUnits) {
    if (static_cast<double>(count) >= size) {
      return fmt::format("{:.2f}{}", static_cast<double>(count) / size, name);
    }
  }
  return std::to_string(count);
}

Progress::Progress(std::string label, ProgressUnit unit)
    : label_(std::move(label)), unit_(unit), is_terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() { finish(); }

std::string Progress::describe(int64_t done, int64_t total, int64_t skipped) const {
  const double elapsed_s = seconds_since(start_);
  const double rate = static_cast<double>(done - skipped) / std::max(elapsed_s, 1e-9);
  std::string amount = describe_amount(unit_, done, total, rate);
  if (rate <= 0.0) {
    return amount;
  }
  return fmt::format("{}, {} left", amount,
                     base::format_duration(static_cast<double>(total - done) / rate));
}

void Progress::update(int64_t done, int64_t total, int64_t skipped) {
  const auto now = Clock::now();
  if (total <= 0 || now - last_output_ < (is_terminal_ ? kRedrawInterval : kPlainInterval)) {
    return;
  }
  last_output_ = now;
  const std::string text = describe(done, total, skipped) + (note_.empty() ? "" : ", ") + note_;
  if (!is_terminal_) {
    base::write_notice(fmt::format("{}: {}", label_, text));
    return;
  }
  const auto filled = static_cast<size_t>(kBarWidth * done / total);
  base::draw_status_line(fmt::format("{} [{}{}] {:3}% {}", label_, std::string(filled, '='),
                                     std::string(kBarWidth - filled, ' '), 100 * done / total,
                                     text));
  is_drawn_ = true;
}

void Progress::finish() {
  if (std::exchange(is_drawn_, false)) {
    base::wipe_status_line();
  }
}

}  // namespace levin::cli
