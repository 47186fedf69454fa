// Everything that one checkpoint is asked under one rule.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/function_ref.h"
#include "eval/answer_journal.h"
#include "eval/eval_report.h"
#include "eval/lookup_file.h"
#include "eval/lookup_run.h"
#include "runtime/engine.h"
#include "text/chat_style.h"
#include "text/tokenizer.h"

namespace levin::eval {

/// A text in windows.
struct TextTask {
  std::vector<int32_t> tokens;  ///< whole windows; others are left out
  int64_t window_tokens = 0;
  std::optional<int32_t> bos_id;
};

/// What all rules of one checkpoint are asked: prompts in its own tokens.
struct EvalTasks {
  std::span<const LookupDocument> documents;  ///< may be empty
  EncodedLookups lookups;
  std::optional<TextTask> text;
  /// index_topk or what takes its place: positions from here on are also counted by themselves, and
  /// measured for their attention mass. 0: none are.
  int64_t budget = 0;

  /// Longest sequence.
  [[nodiscard]] int64_t context_tokens() const noexcept;
};

/// Tokens of `content` in windows of `window_tokens`, at most `max_windows` (0: all). Throws
/// Error(kInvalidArgument) naming `where` for a text shorter than one window.
[[nodiscard]] TextTask make_text_task(const text::Tokenizer& tokenizer, const std::string& content,
                                      int64_t window_tokens, int64_t max_windows,
                                      const std::string& where);

/// The first `limit` questions of each measure and length (0: all), of the lengths named (none:
/// all). Throws Error(kInvalidArgument) naming `--lengths` for a length that has no question.
[[nodiscard]] std::vector<LookupDocument> choose_lookups(std::vector<LookupDocument> documents,
                                                         std::span<const int64_t> lengths,
                                                         int64_t limit);

enum class EvalStage { kLookups, kText, kMass };

/// What is done of a stage: questions, else tokens; and, of the document of the questions, how much
/// is read.
struct EvalProgress {
  EvalStage stage = EvalStage::kLookups;
  int64_t done = 0;
  int64_t total = 0;
  int64_t read_tokens = 0;
  int64_t document_tokens = 0;  ///< 0 but for look-ups
};

/// Asks everything. The engine has room for tasks.context_tokens() and no other work. Throws as
/// ask_lookups, measure_perplexity and measure_mass.
[[nodiscard]] Contestant run_contestant(
    runtime::Engine& engine, const text::Tokenizer& tokenizer, const EvalTasks& tasks,
    std::string name, const ContestantJournal& journal,
    base::FunctionRef<void(const EvalProgress& progress)> progress);

}  // namespace levin::eval
