#include "train/run/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/notice.h"
#include "base/status_line.h"
#include "base/units.h"

namespace levin::train::run {
namespace {

constexpr int64_t kBarWidth = 20;
constexpr std::chrono::milliseconds kRedrawInterval(200);
constexpr std::chrono::seconds kPlainInterval(10);

}  // namespace

std::string describe_step(const StepMetrics& metrics, int64_t stage_steps, double seconds_left) {
  std::string text = fmt::format("{}/{}", metrics.stage_step, stage_steps);
  if (seconds_left >= 0.0) {
    text += fmt::format(", {} left", base::format_duration(seconds_left));
  }
  if (metrics.text_loss) {
    text += fmt::format(", text {:.3f}", *metrics.text_loss);
  }
  if (metrics.answer_loss) {
    text += fmt::format(", answer {:.3f}", *metrics.answer_loss);
  }
  if (metrics.value_accuracy_mean) {
    text += fmt::format(", value {:.3f}", *metrics.value_accuracy_mean);
  }
  if (!metrics.layer_kl.empty()) {
    const double sum = std::accumulate(metrics.layer_kl.begin(), metrics.layer_kl.end(), 0.0);
    text += fmt::format(", KL {:.3f} a layer", sum / static_cast<double>(metrics.layer_kl.size()));
  }
  text += fmt::format(", {:.0f} tokens/s", metrics.tokens_per_s);
  return text;
}

Progress::Progress(bool is_silent)
    : is_silent_(is_silent), is_terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() { wipe(); }

void Progress::update(const StepMetrics& metrics, int64_t stage_steps) {
  if (is_silent_) {
    return;
  }
  const auto now = Clock::now();
  if (metrics.stage != stage_) {
    stage_ = metrics.stage;
    stage_start_ = now;
    stage_start_step_ = metrics.stage_step;
  }
  const bool is_due = now - last_output_ >= (is_terminal_ ? kRedrawInterval : kPlainInterval);
  if (!is_due && metrics.stage_step != stage_steps) {
    return;
  }
  last_output_ = now;
  const auto done = static_cast<double>(metrics.stage_step - stage_start_step_);
  const double elapsed_s = std::chrono::duration<double>(now - stage_start_).count();
  const double seconds_left =
      done > 0.0 ? elapsed_s / done * static_cast<double>(stage_steps - metrics.stage_step) : -1.0;
  const std::string label = fmt::format("{} {}", metrics.kind, metrics.stage);
  const std::string text = describe_step(metrics, stage_steps, seconds_left);
  if (!is_terminal_) {
    base::write_notice(fmt::format("{}: {}", label, text));
    return;
  }
  const auto filled = static_cast<size_t>(kBarWidth * metrics.stage_step / stage_steps);
  base::draw_status_line(fmt::format("{} [{}{}] {}", label, std::string(filled, '='),
                                     std::string(static_cast<size_t>(kBarWidth) - filled, ' '),
                                     text));
  is_drawn_ = true;
}

void Progress::note(const std::string& line) {
  if (is_silent_) {
    return;
  }
  wipe();
  base::write_notice(line);
}

void Progress::wipe() {
  if (std::exchange(is_drawn_, false)) {
    base::wipe_status_line();
  }
}

}  // namespace levin::train::run
