// Books as sentences whose token ids are known, for filling documents to a length.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"
#include "train/data/corpus.h"
#include "train/data/random_stream.h"

namespace levin::train::data {

/// Ids of text that may hold no markup.
[[nodiscard]] std::vector<int32_t> encode_content(const text::Tokenizer& tokenizer,
                                                  std::string_view text);

/// The longest beginning of `text` that ends before a space (or is all of it) and has at most
/// `max_tokens` tokens behind a space. Empty if there is none.
[[nodiscard]] std::string_view fit_words(const text::Tokenizer& tokenizer, std::string_view text,
                                         int64_t max_tokens);

class Prose {
 public:
  struct Sentence {
    std::string_view text;         ///< without blanks at its ends
    std::span<const int32_t> ids;  ///< of a space and `text`
    bool ends_paragraph = false;
  };

  /// Where a walk through a book is; it goes on at the beginning after the end.
  struct Place {
    size_t book_idx = 0;
    size_t sentence_idx = 0;
  };

  /// Tokenizes `corpus`. Throws Error(kInvalidFile) if it holds no sentence.
  Prose(const text::Tokenizer& tokenizer, const Corpus& corpus);

  /// A random sentence of a random book. A book is drawn in proportion to the square root of its
  /// number of sentences, so that the longest do not crowd out the others.
  [[nodiscard]] Place draw_place(RandomStream& random) const;

  /// The sentence at `place`, which moves on.
  [[nodiscard]] Sentence next(Place& place) const;

 private:
  struct Entry {
    size_t text_begin = 0;
    size_t ids_begin = 0;
    bool ends_paragraph = false;
  };

  void add_sentence(const text::Tokenizer& tokenizer, std::string_view sentence);

  std::string text_;          // all sentences, without what parts them
  std::vector<int32_t> ids_;  // of all sentences
  std::vector<Entry> sentences_;
  std::vector<size_t> book_begins_;   // [books + 1] into sentences_
  std::vector<double> book_weights_;  // [books] summed up so far
};

}  // namespace levin::train::data
