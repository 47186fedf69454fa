#include "train/run/curves.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <optional>

#include "base/error.h"
#include "base/files.h"
#include "plot/line_chart.h"

namespace levin::train::run {
namespace {

using plot::LineChart;
using plot::Point;
using plot::Series;

using Figure = std::function<std::optional<double>(const StepMetrics&)>;

/// Adds the line of one figure, if any step has it.
void add_series(LineChart& chart, const std::string& name, const std::vector<StepMetrics>& metrics,
                const Figure& figure) {
  Series series{name, {}};
  for (const StepMetrics& step : metrics) {
    if (const std::optional<double> value = figure(step)) {
      series.points.push_back({static_cast<double>(step.tokens), *value});
    }
  }
  if (!series.points.empty()) {
    chart.series.push_back(std::move(series));
  }
}

LineChart make_chart(const std::string& title, const std::string& label, const std::string& unit) {
  LineChart chart;
  chart.title = title;
  chart.x = {"trained on", "tokens", plot::Scale::kLinear};
  chart.y = {label, unit, plot::Scale::kLinear};
  return chart;
}

void add_chart(std::vector<NamedChart>& charts, const std::string& file_name,
               const LineChart& chart) {
  if (!chart.series.empty()) {
    charts.push_back({file_name, plot::line_chart_svg(chart)});
  }
}

}  // namespace

std::vector<NamedChart> draw_curves(const std::vector<StepMetrics>& metrics) {
  std::vector<NamedChart> charts;

  LineChart loss = make_chart("Loss", "loss", "nats a token");
  add_series(loss, "text", metrics, [](const StepMetrics& m) { return m.text_loss; });
  add_series(loss, "answers", metrics, [](const StepMetrics& m) { return m.answer_loss; });
  add_chart(charts, "loss.svg", loss);

  LineChart accuracy = make_chart("Tokens looked up right", "share", "");
  add_series(accuracy, "step", metrics, [](const StepMetrics& m) { return m.value_accuracy; });
  add_series(accuracy, "running mean", metrics,
             [](const StepMetrics& m) { return m.value_accuracy_mean; });
  add_chart(charts, "value_accuracy.svg", accuracy);

  LineChart kl = make_chart("Indexer against attention", "KL", "nats a token");
  size_t layers = 0;
  for (const StepMetrics& step : metrics) {
    layers = std::max(layers, step.layer_kl.size());
  }
  for (size_t layer_idx = 0; layer_idx < layers; ++layer_idx) {
    add_series(kl, fmt::format("layer {}", layer_idx), metrics,
               [layer_idx](const StepMetrics& m) -> std::optional<double> {
                 return layer_idx < m.layer_kl.size() ? std::optional(m.layer_kl[layer_idx])
                                                      : std::nullopt;
               });
  }
  add_chart(charts, "indexer_kl.svg", kl);

  LineChart speed = make_chart("Speed", "speed", "tokens/s");
  for (const char* kind : {"dense", "warmup", "sparse"}) {
    add_series(speed, kind, metrics, [kind](const StepMetrics& m) {
      return m.kind == kind ? std::optional(m.tokens_per_s) : std::nullopt;
    });
  }
  add_chart(charts, "speed.svg", speed);
  return charts;
}

std::vector<std::string> write_curves(const std::vector<StepMetrics>& metrics,
                                      const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    base::throw_error(base::ErrorCode::kIo, folder, "cannot make this folder: {}", error.message());
  }
  std::vector<std::string> paths;
  for (const NamedChart& chart : draw_curves(metrics)) {
    paths.push_back(folder + "/" + chart.file_name);
    base::write_file_atomically(paths.back(), chart.svg);
  }
  return paths;
}

}  // namespace levin::train::run
