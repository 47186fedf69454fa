// Asks a model the questions of a look-up file.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/function_ref.h"
#include "eval/answer_journal.h"
#include "eval/lookup_file.h"
#include "eval/lookup_prompts.h"
#include "runtime/engine.h"
#include "text/tokenizer.h"

namespace levin::eval {

struct LookupAnswer {
  std::string text;
  bool is_right = false;
};

struct LookupProgress {
  int64_t done_questions = 0;
  int64_t read_tokens = 0;      ///< of the document that is being read, prompt included
  int64_t document_tokens = 0;  ///< of that document
};

/// Greedy answers, by document and question. Each document is read once, by its first question;
/// the others find its pages in the prefix cache. Documents that the journal knows are not asked
/// again. `progress` is called at every step. The engine has no other work. Throws what a request
/// ends with, Error(kCancelled), and as AnswerJournal::append.
[[nodiscard]] std::vector<std::vector<LookupAnswer>> ask_lookups(
    runtime::Engine& engine, const text::Tokenizer& tokenizer,
    std::span<const LookupDocument> documents, const EncodedLookups& lookups,
    const ContestantJournal& journal,
    base::FunctionRef<void(const LookupProgress& progress)> progress);

}  // namespace levin::eval
