// Cuts text into the pieces within which byte-pair merges happen.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "text/regex.h"

namespace levin::text {

class PreTokenizer {
 public:
  /// `patterns` in the order of the file. Throws what Regex throws, with `where` and the number of
  /// the pattern.
  PreTokenizer(const std::vector<std::string>& patterns, const std::string& where);

  /// Calls `emit` with every piece of `text` (well-formed UTF-8) from left to right; nothing is
  /// lost. Each pattern cuts every piece left by the one before: matches and the gaps between them
  /// both become pieces ("isolated").
  void split(std::string_view text, RegexScratch& scratch,
             base::FunctionRef<void(std::string_view piece)> emit) const;

 private:
  void split_from(size_t pattern_idx, std::string_view text, RegexScratch& scratch,
                  base::FunctionRef<void(std::string_view piece)> emit) const;

  std::vector<Regex> patterns_;
};

}  // namespace levin::text
