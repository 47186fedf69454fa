// Puts a document and its questions together as a training sample, in one of three forms.
#pragma once

#include <cstdint>
#include <vector>

#include "train/data/document.h"
#include "train/data/marks.h"
#include "train/data/sample.h"

namespace levin::train::data {

enum class Form {
  kAsk,            ///< BOS <User> document, blank line, question <Assistant></think> answer EOS ...
  kDocumentFirst,  ///< BOS document <User> question <Assistant></think> answer EOS ...
  kPlain,          ///< BOS document, blank line, "Question: ...\nAnswer: ...", blank line, ... EOS
};

/// True if the document ends with a blank line in that form.
[[nodiscard]] constexpr bool breaks_after_document(Form form) noexcept {
  return form != Form::kDocumentFirst;
}

/// A question and its answer as tokens.
struct EncodedQuestion {
  struct Stretch {
    std::vector<int32_t> ids;
    TokenRole role = TokenRole::kMarkup;
  };
  std::vector<Stretch> stretches;
  size_t fact_idx = 0;

  [[nodiscard]] int64_t tokens() const noexcept;
};

/// With the markup before and behind it. The first question of a document has no turn marker of
/// its own in kAsk.
[[nodiscard]] EncodedQuestion encode_question(const text::Tokenizer& tokenizer, const Marks& marks,
                                              Form form, const Question& question, bool is_first);

/// Tokens that the form needs besides body and questions.
[[nodiscard]] int64_t form_tokens(Form form) noexcept;

class SampleWriter {
 public:
  explicit SampleWriter(const RoleWeights& weights) : weights_(weights) {}

  void add(const std::vector<int32_t>& ids, TokenRole role);
  void add_markup(int32_t id) { add({id}, TokenRole::kMarkup); }

  /// The sample; the first token's weight is 0.
  [[nodiscard]] Sample take();

 private:
  RoleWeights weights_;
  Sample sample_;
};

/// Every question's fact must stand in the body.
[[nodiscard]] Sample write_lookup(const Marks& marks, Form form, const std::vector<Passage>& body,
                                  const std::vector<EncodedQuestion>& questions,
                                  const RoleWeights& weights);

}  // namespace levin::train::data
