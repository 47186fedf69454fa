// A look-up document: prose with facts in it and questions behind it, as text and as token ids
// that are exactly what the tokenizer makes of that text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "text/tokenizer.h"
#include "train/data/facts.h"
#include "train/data/prose.h"
#include "train/data/sample.h"

namespace levin::train::data {

/// A sentence in the document, with the blanks that part it from its neighbours.
struct Passage {
  std::string text;
  std::vector<int32_t> ids;
  bool is_fact = false;
  size_t fact_idx = 0;  ///< of a fact
};

/// A fact and where it is to stand: 0 is the beginning of the prose, 1 its end.
struct PlacedFact {
  size_t fact_idx = 0;
  double depth = 0;
};

struct BodySpec {
  int64_t max_tokens = 0;       ///< of the passages together
  bool has_paragraphs = false;  ///< a blank line where the book has one, else run on
  /// The document ends with a blank line, behind which the first question follows.
  bool ends_with_break = false;
  /// The last sentence is taken whole: max_tokens are reached, and may be exceeded.
  bool ends_with_sentence = false;
  const std::vector<Fact>* facts = nullptr;
  std::vector<PlacedFact> placed = {};
};

/// Prose from `place` on, with the facts at sentence boundaries nearest to their depths, as long as
/// it fits; the last sentence is cut between two words. Facts are never left out: if they do not
/// fit by themselves (fact_tokens), the passages have more than max_tokens.
[[nodiscard]] std::vector<Passage> make_body(const text::Tokenizer& tokenizer, const Prose& prose,
                                             Prose::Place place, const BodySpec& spec);

/// The most tokens that a fact takes in a document, a blank line behind it aside.
[[nodiscard]] int64_t fact_tokens(const text::Tokenizer& tokenizer, const Fact& fact);

[[nodiscard]] int64_t body_tokens(const std::vector<Passage>& body) noexcept;

/// The text of the passages; with ends_with_break without the blank line at its end.
[[nodiscard]] std::string body_text(const std::vector<Passage>& body);

}  // namespace levin::train::data
