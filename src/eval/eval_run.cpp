#include "eval/eval_run.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/error.h"
#include "eval/mass_run.h"
#include "eval/perplexity.h"

namespace levin::eval {
namespace {

using Progress = base::FunctionRef<void(const EvalProgress& progress)>;

TextScores score_text(runtime::Engine& engine, const TextTask& task, int64_t budget,
                      Progress progress) {
  PerplexityOptions options;
  options.window_tokens = task.window_tokens;
  options.bos_id = task.bos_id;
  // One pass serves the second half of the windows and the positions beyond the budget.
  const int64_t half = task.window_tokens / 2;
  options.first_position = budget > 0 ? std::min(half, budget) : half;
  const PerplexityResult result =
      measure_perplexity(engine, task.tokens, options, [&](int64_t done_tokens) {
        progress({EvalStage::kText, done_tokens, std::ssize(task.tokens)});
      });
  return {task.tokens, task.window_tokens, *options.first_position, result.token_nll};
}

}  // namespace

int64_t EvalTasks::context_tokens() const noexcept {
  return std::max(lookups.context_tokens, text.has_value() ? text->window_tokens : 0);
}

TextTask make_text_task(const text::Tokenizer& tokenizer, const std::string& content,
                        int64_t window_tokens, int64_t max_windows, const std::string& where) {
  TextTask task{.tokens = tokenizer
                              .encode(content, {.add_bos = tokenizer.bos_id().has_value(),
                                                .match_added_tokens = false})
                              .ids,
                .window_tokens = window_tokens,
                .bos_id = tokenizer.bos_id()};
  int64_t windows = std::ssize(task.tokens) / window_tokens;
  if (windows == 0) {
    base::throw_error(base::ErrorCode::kInvalidArgument, where,
                      "the text has {} tokens, less than one window of {}; shorten it with --ctx",
                      task.tokens.size(), window_tokens);
  }
  windows = max_windows > 0 ? std::min(windows, max_windows) : windows;
  task.tokens.resize(static_cast<size_t>(windows * window_tokens));
  return task;
}

std::vector<LookupDocument> choose_lookups(std::vector<LookupDocument> documents,
                                           std::span<const int64_t> lengths, int64_t limit) {
  for (const int64_t length : lengths) {
    if (std::ranges::find(documents, length, &LookupDocument::length) == documents.end()) {
      base::throw_error(base::ErrorCode::kInvalidArgument, "--lengths",
                        "the file has no questions of length {}", length);
    }
  }
  std::map<std::pair<std::string, int64_t>, int64_t> taken;
  std::vector<LookupDocument> chosen;
  for (LookupDocument& document : documents) {
    if (!lengths.empty() && std::ranges::find(lengths, document.length) == lengths.end()) {
      continue;
    }
    int64_t& count = taken[{lookup_measure(document), document.length}];
    if (limit > 0) {
      const int64_t room = std::min(limit - count, std::ssize(document.questions));
      document.questions.resize(static_cast<size_t>(room));
    }
    count += std::ssize(document.questions);
    if (!document.questions.empty()) {
      chosen.push_back(std::move(document));
    }
  }
  return chosen;
}

Contestant run_contestant(runtime::Engine& engine, const text::Tokenizer& tokenizer,
                          const EvalTasks& tasks, std::string name,
                          const ContestantJournal& journal, Progress progress) {
  Contestant contestant{.name = std::move(name), .answers = {}, .text = {}, .mass = {}};
  contestant.answers = ask_lookups(
      engine, tokenizer, tasks.documents, tasks.lookups, journal, [&](const LookupProgress& now) {
        progress({EvalStage::kLookups, now.done_questions, tasks.lookups.questions, now.read_tokens,
                  now.document_tokens});
      });
  if (tasks.text.has_value()) {
    contestant.text = score_text(engine, *tasks.text, tasks.budget, progress);
    const MassOptions options{.window_tokens = tasks.text->window_tokens,
                              .bos_id = tasks.text->bos_id};
    const int64_t total =
        std::min(std::ssize(tasks.text->tokens), options.windows * options.window_tokens);
    contestant.mass =
        measure_mass(engine, tasks.text->tokens, tasks.budget, options, [&](int64_t done_tokens) {
          progress({EvalStage::kMass, done_tokens, total});
        });
  }
  return contestant;
}

}  // namespace levin::eval
