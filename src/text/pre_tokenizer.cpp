#include "text/pre_tokenizer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"

namespace levin::text {

PreTokenizer::PreTokenizer(const std::vector<std::string>& patterns, const std::string& where) {
  patterns_.reserve(patterns.size());
  for (size_t pattern_idx = 0; pattern_idx < patterns.size(); ++pattern_idx) {
    patterns_.emplace_back(patterns[pattern_idx],
                           fmt::format("{}: pre_tokenizer pattern {}", where, pattern_idx));
  }
}

void PreTokenizer::split(std::string_view text, RegexScratch& scratch,
                         base::FunctionRef<void(std::string_view piece)> emit) const {
  split_from(0, text, scratch, emit);
}

void PreTokenizer::split_from(size_t pattern_idx, std::string_view text, RegexScratch& scratch,
                              base::FunctionRef<void(std::string_view piece)> emit) const {
  if (text.empty()) {
    return;
  }
  if (pattern_idx == patterns_.size()) {
    emit(text);
    return;
  }
  size_t done = 0;  // everything before it has been passed on
  size_t from = 0;
  while (from < text.size()) {
    const auto match = patterns_[pattern_idx].find(text, from, scratch);
    if (!match) {
      break;
    }
    if (match->end == match->begin) {  // an empty match cuts without being a piece
      split_from(pattern_idx + 1, text.substr(done, match->begin - done), scratch, emit);
      done = match->begin;
      const size_t step = base::utf8_sequence_length(text.substr(match->end));
      from = match->end + std::max<size_t>(step, 1);
      continue;
    }
    split_from(pattern_idx + 1, text.substr(done, match->begin - done), scratch, emit);
    split_from(pattern_idx + 1, text.substr(match->begin, match->end - match->begin), scratch,
               emit);
    done = match->end;
    from = match->end;
  }
  split_from(pattern_idx + 1, text.substr(done), scratch, emit);
}

}  // namespace levin::text
