#include "train/run/metrics.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/mapped_file.h"
#include "formats/json.h"
#include "train/run/append_line.h"

namespace levin::train::run {
namespace {

using base::ErrorCode;
using base::throw_error;
using nlohmann::json;

constexpr int64_t kMaxMetricsBytes = int64_t{1} << 32;

std::string to_line(const StepMetrics& m) {
  nlohmann::ordered_json line = {{"step", m.step},
                                 {"stage", m.stage},
                                 {"kind", m.kind},
                                 {"stage_step", m.stage_step},
                                 {"tokens", m.tokens},
                                 {"seconds", m.seconds},
                                 {"tokens_per_s", m.tokens_per_s},
                                 {"lr_factor", m.lr_factor}};
  const auto add = [&line](const char* key, const std::optional<double>& value) {
    if (value && std::isfinite(*value)) {
      line[key] = *value;
    }
  };
  add("loss", m.loss);
  add("text_loss", m.text_loss);
  add("answer_loss", m.answer_loss);
  add("value_accuracy", m.value_accuracy);
  add("value_accuracy_mean", m.value_accuracy_mean);
  add("gradient_norm", m.gradient_norm);
  add("max_expert_load", m.max_expert_load);
  if (!m.layer_kl.empty()) {
    line["layer_kl"] = m.layer_kl;
  }
  return line.dump();
}

StepMetrics from_line(const json& line) {
  StepMetrics m;
  line.at("step").get_to(m.step);
  line.at("stage").get_to(m.stage);
  line.at("kind").get_to(m.kind);
  line.at("stage_step").get_to(m.stage_step);
  line.at("tokens").get_to(m.tokens);
  line.at("seconds").get_to(m.seconds);
  line.at("tokens_per_s").get_to(m.tokens_per_s);
  line.at("lr_factor").get_to(m.lr_factor);
  const auto read = [&line](const char* key, std::optional<double>& value) {
    if (line.contains(key)) {
      value = line.at(key).get<double>();
    }
  };
  read("loss", m.loss);
  read("text_loss", m.text_loss);
  read("answer_loss", m.answer_loss);
  read("value_accuracy", m.value_accuracy);
  read("value_accuracy_mean", m.value_accuracy_mean);
  read("gradient_norm", m.gradient_norm);
  read("max_expert_load", m.max_expert_load);
  if (line.contains("layer_kl")) {
    line.at("layer_kl").get_to(m.layer_kl);
  }
  return m;
}

}  // namespace

void append_metrics(const std::string& path, const StepMetrics& metrics) {
  append_line(path, to_line(metrics));
}

std::vector<StepMetrics> read_metrics(const std::string& path) {
  std::vector<StepMetrics> all;
  if (!std::filesystem::exists(path)) {
    return all;
  }
  const std::string text = base::read_file(path, kMaxMetricsBytes);
  size_t begin = 0;
  for (size_t end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const std::string where = fmt::format("{}:{}", path, all.size() + 1);
    const json line = formats::parse_json(std::string_view(text).substr(begin, end - begin), where);
    try {
      all.push_back(from_line(line));
    } catch (const json::exception&) {
      throw_error(ErrorCode::kInvalidFile, where, "this is no line of metrics");
    }
  }
  return all;
}

void cut_metrics(const std::string& path, int64_t last_step) {
  std::string kept;
  for (const StepMetrics& metrics : read_metrics(path)) {
    if (metrics.step <= last_step) {
      kept += to_line(metrics) + "\n";
    }
  }
  base::write_file_atomically(path, kept);
}

}  // namespace levin::train::run
