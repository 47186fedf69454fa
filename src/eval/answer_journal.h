// Answers of an evaluation, kept as they come: a second run with the same file goes on.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eval/lookup_prompts.h"

namespace levin::eval {

/// Texts of a document's answers, by question.
using AnswerTexts = std::vector<std::string>;

/// Its lines are found by what answers depend on, so a file may hold those of several evaluations.
class AnswerJournal {
 public:
  /// Reads the file if there is one; a last line that was cut off is removed. Throws
  /// Error(kInvalidFile) with path and line for one that is no journal, and as base::read_file.
  explicit AnswerJournal(std::string path);

  /// What is known of `prompts` under `contestant`, which names checkpoint, rule and settings;
  /// nullptr if nothing is.
  [[nodiscard]] const AnswerTexts* find(const std::string& contestant,
                                        const LookupPrompts& prompts) const;

  /// Keeps the answers, in the file as well. Throws as base::append_line.
  void append(const std::string& contestant, const LookupPrompts& prompts, AnswerTexts texts);

 private:
  using Key = std::pair<std::string, std::string>;  // contestant, prompts

  void read_line(std::string_view line, const std::string& where);

  std::string path_;
  std::map<Key, AnswerTexts> answers_;
};

/// A journal, or none, as one contestant sees it.
struct ContestantJournal {
  AnswerJournal* journal = nullptr;
  std::string contestant;

  [[nodiscard]] const AnswerTexts* find(const LookupPrompts& prompts) const {
    return journal != nullptr ? journal->find(contestant, prompts) : nullptr;
  }
  void append(const LookupPrompts& prompts, const AnswerTexts& texts) const {
    if (journal != nullptr) {
      journal->append(contestant, prompts, texts);
    }
  }
};

}  // namespace levin::eval
