// The document of the demo and the questions about it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"
#include "train/data/corpus.h"

namespace levin::train::data {

struct DemoSpec {
  int64_t length = 4096;   ///< context that holds document, question and answer, in tokens
  int32_t questions = 20;  ///< facts in the document; each is asked about
  std::string book = "persuasion";
  uint64_t seed = 20261124;
};

/// Files of models/mini/demo.
struct DemoSet {
  std::string document;   ///< prose of the book with the facts spread over it
  std::string questions;  ///< JSON list of {"question", "answer"}, the answer as a sentence
};

/// One document of an evaluation set, asked about every fact in the first wording: names, values
/// and prose are held out. Deterministic. `words` as for make_eval_set. Throws
/// Error(kInvalidArgument) naming the key if the facts do not fit.
[[nodiscard]] DemoSet make_demo_set(const text::Tokenizer& tokenizer, const Corpus& held_out,
                                    const std::vector<std::string>& words, const DemoSpec& spec);

}  // namespace levin::train::data
