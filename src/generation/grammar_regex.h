// Regular expressions of schemas ("pattern", and the formats) as fragments of a grammar.
//
// An own compiler, because what decoding needs is an automaton over bytes that can be stepped and
// intersected with the tokens of a vocabulary. RE2 and PCRE2 answer whether a whole text matches
// and keep their automata to themselves.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "generation/grammar_builder.h"
#include "generation/grammar_chars.h"

namespace levin::generation {

/// A parsed expression.
struct Regex {
  enum class Kind : uint8_t { kChars, kSequence, kChoice, kRepeat, kTextBegin, kTextEnd };

  Kind kind = Kind::kSequence;
  CharSet chars;             ///< of kChars
  std::vector<Regex> parts;  ///< of kSequence and kChoice; of kRepeat the one that is repeated
  int64_t at_least = 0;      ///< of kRepeat
  int64_t at_most = -1;      ///< of kRepeat; below 0: without end
};

/// Parses ECMA 262 syntax as JSON Schema uses it: characters, `.`, classes, `\d \w \s` and their
/// opposites (ASCII digits and words, Unicode space), `\t \n \v \f \r \0 \xHH \uHHHH \u{H...} \cX`,
/// groups with and without capture, `|`, `* + ? {n} {n,} {n,m}` (lazy ones too: the language is the
/// same), `^` and `$` at the ends of the whole or of its alternatives.
/// Throws Error(kInvalidArgument) at `place` naming what it cannot read or does not support: look
/// around, back references, `\b`, `\p{...}`, anchors elsewhere, nesting beyond 50.
[[nodiscard]] Regex parse_regex(std::string_view pattern, const SchemaPlace* place);

/// The texts in which the expression finds a match (`^` and `$` bind it to the ends).
[[nodiscard]] GrammarBuilder::Fragment regex_fragment(GrammarBuilder& builder, const Regex& regex,
                                                      CharForm form);

}  // namespace levin::generation
