#include "train/run/status.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <vector>

#include "base/units.h"
#include "train/recipe/parse.h"
#include "train/run/checkpoint_store.h"
#include "train/run/curves.h"
#include "train/run/metrics.h"
#include "train/run/progress.h"
#include "train/run/run_folder.h"

namespace levin::train::run {
namespace {

/// Figures of a stage are means over its last steps.
constexpr size_t kLastSteps = 20;

using Steps = std::vector<StepMetrics>;

Steps steps_of(const Steps& metrics, const std::string& stage) {
  Steps steps;
  for (const StepMetrics& step : metrics) {
    if (step.stage == stage) {
      steps.push_back(step);
    }
  }
  return steps;
}

/// Mean over the last steps as text; "-" where they do not have it.
template <typename Figure>
std::string mean_text(const Steps& steps, Figure figure, const char* format) {
  double sum = 0.0;
  int64_t count = 0;
  for (size_t i = steps.size() - std::min(steps.size(), kLastSteps); i < steps.size(); ++i) {
    if (const std::optional<double> value = figure(steps[i])) {
      sum += *value;
      ++count;
    }
  }
  return count == 0 ? "-" : fmt::format(fmt::runtime(format), sum / static_cast<double>(count));
}

std::optional<double> mean_kl(const StepMetrics& step) {
  if (step.layer_kl.empty()) {
    return std::nullopt;
  }
  return std::accumulate(step.layer_kl.begin(), step.layer_kl.end(), 0.0) /
         static_cast<double>(step.layer_kl.size());
}

std::string stage_row(const recipe::StageSettings& stage, const Steps& steps) {
  if (steps.empty()) {
    return fmt::format("{:<12} {:>6} {:>13}\n", stage.name, stage.row_tokens,
                       fmt::format("0/{}", stage.max_steps));
  }
  const int64_t tokens = stage.tokens_per_step * static_cast<int64_t>(steps.size());
  double seconds = 0.0;
  for (const StepMetrics& step : steps) {
    seconds += static_cast<double>(stage.tokens_per_step) / step.tokens_per_s;
  }
  return fmt::format(
      "{:<12} {:>6} {:>13} {:>11} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9}\n", stage.name,
      stage.row_tokens, fmt::format("{}/{}", steps.back().stage_step, stage.max_steps), tokens,
      mean_text(
          steps, [](const StepMetrics& m) { return m.text_loss; }, "{:.3f}"),
      mean_text(
          steps, [](const StepMetrics& m) { return m.answer_loss; }, "{:.3f}"),
      mean_text(
          steps, [](const StepMetrics& m) { return m.value_accuracy; }, "{:.3f}"),
      mean_text(steps, mean_kl, "{:.3f}"),
      fmt::format("{:.0f}", static_cast<double>(tokens) / seconds), base::format_duration(seconds));
}

}  // namespace

std::string report_status(const std::string& folder) {
  const std::string text = stored_recipe_text(folder);
  const recipe::Recipe recipe = recipe::parse_stored_recipe(text, folder + "/recipe.toml");
  const Steps metrics = read_metrics(metrics_path(folder));
  std::string out;
  if (text.starts_with(kVersionLine)) {
    out = fmt::format("run {}\n", text.substr(2, text.find('\n') - 2));  // "of levin-train 0.1.0"
  }
  out += fmt::format("{:<12} {:>6} {:>13} {:>11} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9}\n", "stage",
                     "row", "steps", "tokens", "text", "answer", "value", "KL", "tokens/s", "time");
  for (const recipe::StageSettings& stage : recipe.stages) {
    out += stage_row(stage, steps_of(metrics, stage.name));
  }
  out +=
      fmt::format("losses, accuracy and KL: means over the last {} steps of a stage\n", kLastSteps);
  for (const StoredCheckpoint& checkpoint :
       list_checkpoints(checkpoints_path(folder), std::ssize(recipe.stages))) {
    out += fmt::format(
        "checkpoint {}{}\n", checkpoint.path,
        checkpoint.state.is_stage_end
            ? fmt::format(", end of stage {}", recipe.stages.at(checkpoint.state.stage_idx).name)
            : "");
  }
  for (const std::string& path : write_curves(metrics, curves_path(folder))) {
    out += fmt::format("chart {}\n", path);
  }
  return out;
}

}  // namespace levin::train::run
