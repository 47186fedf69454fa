#include "train/data/prose.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/error.h"

namespace levin::train::data {

std::vector<int32_t> encode_content(const text::Tokenizer& tokenizer, std::string_view text) {
  return tokenizer.encode(text, {.add_bos = false, .match_added_tokens = false}).ids;
}

std::string_view fit_words(const text::Tokenizer& tokenizer, std::string_view text,
                           int64_t max_tokens) {
  const std::vector<int32_t> ids = encode_content(tokenizer, " " + std::string(text));
  if (static_cast<int64_t>(ids.size()) <= max_tokens) {
    return text;
  }
  size_t bytes = 0;  // before token idx, the space in front included
  size_t fitting = 0;
  for (int64_t idx = 0; idx <= max_tokens; ++idx) {
    const std::string_view token = tokenizer.token_bytes(ids[static_cast<size_t>(idx)]);
    if (idx > 0 && token.front() == ' ') {
      fitting = bytes - 1;
    }
    bytes += token.size();
  }
  return text.substr(0, fitting);
}

Prose::Prose(const text::Tokenizer& tokenizer, const Corpus& corpus) {
  for (const Book& book : corpus.books) {
    book_begins_.push_back(sentences_.size());
    for (const std::string& paragraph : book.paragraphs) {
      for (const std::string_view sentence : split_sentences(paragraph)) {
        add_sentence(tokenizer, sentence);
      }
      if (!sentences_.empty()) {
        sentences_.back().ends_paragraph = true;
      }
    }
  }
  if (sentences_.empty()) {
    throw base::Error(base::ErrorCode::kInvalidFile,
                      "the corpus holds no sentence: build the data again", "corpus");
  }
  book_begins_.push_back(sentences_.size());
  double weight = 0;
  for (size_t idx = 0; idx + 1 < book_begins_.size(); ++idx) {
    weight += std::sqrt(static_cast<double>(book_begins_[idx + 1] - book_begins_[idx]));
    book_weights_.push_back(weight);
  }
}

void Prose::add_sentence(const text::Tokenizer& tokenizer, std::string_view sentence) {
  const std::vector<int32_t> ids = encode_content(tokenizer, " " + std::string(sentence));
  sentences_.push_back({text_.size(), ids_.size(), false});
  text_ += sentence;
  ids_.insert(ids_.end(), ids.begin(), ids.end());
}

Prose::Place Prose::draw_place(RandomStream& random) const {
  const double drawn = random.uniform() * book_weights_.back();
  const auto book = std::upper_bound(book_weights_.begin(), std::prev(book_weights_.end()), drawn);
  const auto book_idx = static_cast<size_t>(book - book_weights_.begin());
  const auto begin = static_cast<int64_t>(book_begins_[book_idx]);
  const auto end = static_cast<int64_t>(book_begins_[book_idx + 1]);
  return {book_idx, static_cast<size_t>(random.between(begin, end - 1))};
}

Prose::Sentence Prose::next(Place& place) const {
  const size_t idx = place.sentence_idx;
  const Entry& entry = sentences_[idx];
  const bool is_last = idx + 1 == sentences_.size();
  const size_t text_end = is_last ? text_.size() : sentences_[idx + 1].text_begin;
  const size_t ids_end = is_last ? ids_.size() : sentences_[idx + 1].ids_begin;
  place.sentence_idx =
      idx + 1 == book_begins_[place.book_idx + 1] ? book_begins_[place.book_idx] : idx + 1;
  return {std::string_view(text_).substr(entry.text_begin, text_end - entry.text_begin),
          std::span(ids_).subspan(entry.ids_begin, ids_end - entry.ids_begin),
          entry.ends_paragraph};
}

}  // namespace levin::train::data
