// A small corpus that needs no books: for tests and for recipes that only show that training works.
#pragma once

#include "train/data/corpus.h"

namespace levin::train::data {

/// Three books of 60 paragraphs of random sentences over 36 words, named as split_corpus expects
/// them ("alpha", "king_james_bible", "persuasion"). The same at every call and on every machine.
[[nodiscard]] Corpus made_up_corpus();

}  // namespace levin::train::data
