// What `levin eval` writes besides its table.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "eval/eval_report.h"
#include "eval/eval_run.h"
#include "eval/lookup_file.h"

namespace levin::cli {

struct EvalOutput {
  std::string model;
  std::string baseline;  ///< empty: none
  int64_t budget = 0;
  uint64_t seed = 0;
  std::span<const eval::LookupDocument> documents;
  std::vector<eval::Contestant> contestants;
};

/// "look-ups", "text", "attention mass": for progress.
[[nodiscard]] const char* stage_name(eval::EvalStage stage) noexcept;

/// Settings, rows with intervals, and counts by depth. Keys: docs/evaluation.md.
[[nodiscard]] nlohmann::json report_json(const EvalOutput& output,
                                         std::span<const eval::ReportRow> rows);

/// Every answer as a JSON line: document, question, expected value, and per rule text and verdict.
[[nodiscard]] std::string answer_lines(const EvalOutput& output);

/// One SVG a contestant and kind of question: `folder`/first-wording.sparse.svg. Throws Error(kIo).
void write_heat_maps(const EvalOutput& output, const std::string& folder);

}  // namespace levin::cli
