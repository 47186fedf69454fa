// What a run records of every step, as JSON lines.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace levin::train::run {

/// Figures of one step. What a kind of stage does not have is empty.
struct StepMetrics {
  int64_t step = 0;        ///< of the run, from 1
  std::string stage;       ///< its name
  std::string kind;        ///< dense, warmup, sparse
  int64_t stage_step = 0;  ///< from 1
  int64_t tokens = 0;      ///< trained on so far in the run
  double seconds = 0.0;    ///< of training so far, resumed runs added up
  double tokens_per_s = 0.0;
  double lr_factor = 0.0;                     ///< of the schedule
  std::optional<double> loss;                 ///< what the model minimises
  std::optional<double> text_loss;            ///< nats a token
  std::optional<double> answer_loss;          ///< nats a token
  std::optional<double> value_accuracy;       ///< of the tokens to be looked up
  std::optional<double> value_accuracy_mean;  ///< running mean within the stage
  std::optional<double> gradient_norm;
  std::optional<double> max_expert_load;  ///< largest load of an expert over the mean one
  std::vector<double> layer_kl;           ///< of each layer's indexer, nats a token
};

/// Writes one line to the end of the file. Throws Error(kIo).
void append_metrics(const std::string& path, const StepMetrics& metrics);

/// All whole lines of the file, in order; a torn last line is left out. No file: none.
/// Throws Error(kInvalidFile) with path and line for anything else, Error(kIo).
std::vector<StepMetrics> read_metrics(const std::string& path);

/// Of a file of JSON lines with a "step" each, drops those after `last_step`, which a resumed run
/// will write again, and a torn last line. No file: nothing happens. Throws as read_metrics.
void cut_after_step(const std::string& path, int64_t last_step);

}  // namespace levin::train::run
