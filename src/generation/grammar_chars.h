// Sets of Unicode characters as fragments of a grammar.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "generation/grammar_builder.h"

namespace levin::generation {

/// How characters are written.
enum class CharForm {
  kJson,  ///< within a JSON string: each character in one canonical way
  kRaw,   ///< as they are, in the parameters of DSML
};

/// U+FF5C, which all tags of the chat encodings contain. It is written as an escape in JSON, and
/// raw text cannot hold it, so a generated value never contains what reads like a tag.
inline constexpr char32_t kTagBar = 0xFF5C;

/// Ascending, disjoint ranges of code points; surrogates are never in it.
class CharSet {
 public:
  struct Range {
    char32_t first = 0;
    char32_t last = 0;
  };

  CharSet() = default;
  explicit CharSet(std::vector<Range> ranges);

  void add(char32_t first, char32_t last);
  [[nodiscard]] CharSet complement() const;
  [[nodiscard]] const std::vector<Range>& ranges() const noexcept { return ranges_; }

 private:
  void normalize();

  std::vector<Range> ranges_;
};

/// One character of the set. nothing() if no character of it can be written.
[[nodiscard]] GrammarBuilder::Fragment one_of(GrammarBuilder& builder, const CharSet& set,
                                              CharForm form);

/// Exactly `text` (well-formed UTF-8). In raw form a text with kTagBar cannot be written.
[[nodiscard]] GrammarBuilder::Fragment exact_text(GrammarBuilder& builder, std::string_view text,
                                                  CharForm form);

}  // namespace levin::generation
