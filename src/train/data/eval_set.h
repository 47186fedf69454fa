// Look-up questions for evaluation: held-out prose, names and values, as JSON lines that any
// program can read. Schema: docs/data.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"
#include "train/data/corpus.h"

namespace levin::train::data {

/// How facts and questions of an evaluation are worded. Names and values are held out in each.
enum class EvalWording {
  kFirst,         ///< "first": "The code of Ann is 48.", "What is the code of Ann?"
  kSecond,        ///< "second": "Ann's code is 48."
  kCarrier,       ///< "carrier": facts behind phrases that training never shows
  kNewQuestion,   ///< "new_question": questions in phrases that training never shows
  kNewAttribute,  ///< "new_attribute": attributes that training never shows
};

[[nodiscard]] std::string_view eval_wording_name(EvalWording wording) noexcept;

/// Throws Error(kInvalidArgument) listing the names if there is no wording of that name.
[[nodiscard]] EvalWording eval_wording_from_name(std::string_view name);

/// Tokens that every length leaves free for the answer.
inline constexpr int64_t kAnswerTokens = 64;

/// One grid: for each length, wording and number of hops `questions` questions, their facts spread
/// evenly over `depth_bins`.
struct EvalSpec {
  std::vector<int64_t> lengths;  ///< contexts that hold every prompt and kAnswerTokens behind it
  std::vector<EvalWording> wordings = {EvalWording::kFirst};
  std::vector<int32_t> hops = {1};  ///< 1 or 2; two-hop documents state relations too
  int64_t questions = 100;          ///< of each length, wording and hops
  int32_t questions_per_document = 4;
  int32_t facts = 16;  ///< a document; fewer where they would fill more than half of it
  int32_t depth_bins = 10;
  bool has_paragraphs = true;
  std::string book = "persuasion";
  uint64_t seed = 1;
};

/// The grid as JSON lines, one document a line; prompts are those of `levin ask`. `words` are the
/// held-out values (value_words of the training corpus, Split::kHeldOut). Deterministic. Throws
/// Error(kInvalidArgument) naming the key for an empty grid, a length that holds no fact and
/// question, or a book that is not held out.
[[nodiscard]] std::string make_eval_set(const text::Tokenizer& tokenizer, const Corpus& held_out,
                                        const std::vector<std::string>& words,
                                        const EvalSpec& spec);

}  // namespace levin::train::data
