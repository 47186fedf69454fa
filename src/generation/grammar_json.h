// JSON itself as rules of a grammar.
#pragma once

#include <cstdint>
#include <optional>

#include "generation/grammar_builder.h"
#include "generation/grammar_chars.h"

namespace levin::generation {

/// The rules are made when first asked for. White space between tokens is optional and bounded:
/// one space or line break and up to 16 spaces or tabs, so a model can indent but not idle.
class JsonRules {
 public:
  using Rule = GrammarBuilder::Rule;
  using Fragment = GrammarBuilder::Fragment;

  explicit JsonRules(GrammarBuilder& builder) : builder_(builder) {}

  /// White space as above, or none.
  [[nodiscard]] Fragment space();
  /// A string with its quotes (kJson) or any text (kRaw), of any length. Surrogates come in pairs.
  [[nodiscard]] Rule string(CharForm form);
  /// One character of such a string.
  [[nodiscard]] Rule character(CharForm form);
  /// Up to 18 digits before the point, 17 behind it, and two in an exponent: what a double holds.
  [[nodiscard]] Rule number();
  /// Up to 18 digits: what 64 bits hold.
  [[nodiscard]] Rule integer();
  [[nodiscard]] Rule object();
  [[nodiscard]] Rule array();
  /// Any value.
  [[nodiscard]] Rule value();
  /// Any value but a string.
  [[nodiscard]] Rule value_but_string();

  /// `{ "KEY": value, ... }` with any keys.
  [[nodiscard]] Fragment map_of(Rule value_rule);
  /// `[value, ...]` with `at_least` to `at_most` values (below 0: without end).
  [[nodiscard]] Fragment array_of(Rule value_rule, int64_t at_least, int64_t at_most);

 private:
  [[nodiscard]] Fragment any_character(CharForm form);
  [[nodiscard]] Fragment unicode_escape();
  [[nodiscard]] Fragment digits(int64_t at_least, int64_t at_most);
  [[nodiscard]] Fragment integer_part();
  [[nodiscard]] Fragment words_and_containers();
  [[nodiscard]] Fragment comma();

  GrammarBuilder& builder_;
  std::optional<Rule> space_;
  std::optional<Rule> json_string_;
  std::optional<Rule> raw_string_;
  std::optional<Rule> json_character_;
  std::optional<Rule> raw_character_;
  std::optional<Rule> number_;
  std::optional<Rule> integer_;
  std::optional<Rule> object_;
  std::optional<Rule> array_;
  std::optional<Rule> value_;
  std::optional<Rule> value_but_string_;
};

}  // namespace levin::generation
