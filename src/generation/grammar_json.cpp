#include "generation/grammar_json.h"

#include <algorithm>

namespace levin::generation {
namespace {

using Fragment = GrammarBuilder::Fragment;

constexpr int64_t kMaxIndent = 16;
constexpr int64_t kIntegerDigits = 18;
constexpr int64_t kFractionDigits = 17;
constexpr int64_t kExponentDigits = 2;

}  // namespace

Fragment JsonRules::space() {
  if (!space_) {
    const auto blank = [&] {
      return builder_.choice({builder_.literal(" "), builder_.literal("\t")});
    };
    space_ = builder_.add_rule(builder_.optional(
        builder_.sequence({builder_.choice({builder_.literal(" "), builder_.literal("\n")}),
                           builder_.repeat(0, kMaxIndent, blank)})));
  }
  return builder_.call(*space_);
}

/// `\uXXXX`, or two of them for a pair of surrogates.
Fragment JsonRules::unicode_escape() {
  const auto hex = [&](std::string_view also) {
    std::vector<Fragment> parts;
    for (const char digit : also) {
      parts.push_back(builder_.literal({&digit, 1}));
    }
    return builder_.choice(parts);
  };
  constexpr std::string_view kHex = "0123456789abcdefABCDEF";
  const auto single = builder_.choice(
      {builder_.sequence({hex("0123456789abcefABCEF"), hex(kHex), hex(kHex), hex(kHex)}),
       builder_.sequence({hex("dD"), hex("01234567"), hex(kHex), hex(kHex)})});
  const auto pair =
      builder_.sequence({hex("dD"), hex("89abAB"), hex(kHex), hex(kHex), builder_.literal("\\u"),
                         hex("dD"), hex("cdefCDEF"), hex(kHex), hex(kHex)});
  return builder_.sequence({builder_.literal("u"), builder_.choice({single, pair})});
}

Fragment JsonRules::any_character(CharForm form) {
  if (form == CharForm::kRaw) {
    return one_of(builder_, CharSet({{0, 0x10FFFF}}), form);
  }
  // The set leaves out what one_of would write as escapes: they follow, with all their spellings.
  const Fragment plain =
      one_of(builder_,
             CharSet({{0x20, '!'}, {'#', '['}, {']', kTagBar - 1}, {kTagBar + 1, 0x10FFFF}}), form);
  std::vector<Fragment> escapes = {unicode_escape()};
  for (const char letter : std::string_view("\"\\/bfnrt")) {
    escapes.push_back(builder_.literal({&letter, 1}));
  }
  return builder_.choice(
      {plain, builder_.sequence({builder_.literal("\\"), builder_.choice(escapes)})});
}

JsonRules::Rule JsonRules::character(CharForm form) {
  std::optional<Rule>& rule = form == CharForm::kJson ? json_character_ : raw_character_;
  if (!rule) {
    rule = builder_.add_rule(any_character(form));
  }
  return *rule;
}

JsonRules::Rule JsonRules::string(CharForm form) {
  std::optional<Rule>& rule = form == CharForm::kJson ? json_string_ : raw_string_;
  if (!rule) {
    const Fragment text = builder_.star(any_character(form));
    rule = builder_.add_rule(
        form == CharForm::kRaw
            ? text
            : builder_.sequence({builder_.literal("\""), text, builder_.literal("\"")}));
  }
  return *rule;
}

Fragment JsonRules::digits(int64_t at_least, int64_t at_most) {
  return builder_.repeat(at_least, at_most, [&] { return builder_.symbols('0', '9'); });
}

Fragment JsonRules::integer_part() {
  return builder_.choice(
      {builder_.literal("0"),
       builder_.sequence({builder_.symbols('1', '9'), digits(0, kIntegerDigits - 1)})});
}

JsonRules::Rule JsonRules::integer() {
  if (!integer_) {
    integer_ = builder_.add_rule(
        builder_.sequence({builder_.optional(builder_.literal("-")), integer_part()}));
  }
  return *integer_;
}

JsonRules::Rule JsonRules::number() {
  if (!number_) {
    const Fragment fraction =
        builder_.sequence({builder_.literal("."), digits(1, kFractionDigits)});
    const Fragment sign =
        builder_.optional(builder_.choice({builder_.literal("+"), builder_.literal("-")}));
    const Fragment exponent =
        builder_.sequence({builder_.choice({builder_.literal("e"), builder_.literal("E")}), sign,
                           digits(1, kExponentDigits)});
    number_ = builder_.add_rule(
        builder_.sequence({builder_.optional(builder_.literal("-")), integer_part(),
                           builder_.optional(fraction), builder_.optional(exponent)}));
  }
  return *number_;
}

Fragment JsonRules::comma() { return builder_.sequence({builder_.literal(","), space()}); }

Fragment JsonRules::map_of(Rule value_rule) {
  const auto member = [&] {
    return builder_.sequence({builder_.call(string(CharForm::kJson)), builder_.literal(":"),
                              space(), builder_.call(value_rule)});
  };
  const Fragment first = member();
  const Fragment others = builder_.star(builder_.sequence({comma(), member()}));
  return builder_.sequence({builder_.literal("{"), space(),
                            builder_.optional(builder_.sequence({first, others, space()})),
                            builder_.literal("}")});
}

Fragment JsonRules::array_of(Rule value_rule, int64_t at_least, int64_t at_most) {
  const auto item = [&] { return builder_.call(value_rule); };
  const auto next_item = [&] { return builder_.sequence({comma(), item()}); };
  std::vector<Fragment> ways;
  if (at_least <= 0) {
    ways.push_back(builder_.empty());
  }
  if (at_most != 0) {
    ways.push_back(builder_.sequence({item(),
                                      builder_.repeat(std::max<int64_t>(at_least, 1) - 1,
                                                      at_most < 0 ? -1 : at_most - 1, next_item),
                                      space()}));
  }
  return builder_.sequence(
      {builder_.literal("["), space(), builder_.choice(ways), builder_.literal("]")});
}

JsonRules::Rule JsonRules::object() {
  if (!object_) {
    object_ = builder_.declare();
    builder_.define(*object_, map_of(value()));
  }
  return *object_;
}

JsonRules::Rule JsonRules::array() {
  if (!array_) {
    array_ = builder_.declare();
    builder_.define(*array_, array_of(value(), 0, -1));
  }
  return *array_;
}

Fragment JsonRules::words_and_containers() {
  return builder_.choice({builder_.literal("true"), builder_.literal("false"),
                          builder_.literal("null"), builder_.call(number()),
                          builder_.call(object()), builder_.call(array())});
}

JsonRules::Rule JsonRules::value() {
  if (!value_) {
    value_ = builder_.declare();
    const Fragment text = builder_.call(string(CharForm::kJson));
    builder_.define(*value_, builder_.choice({text, words_and_containers()}));
  }
  return *value_;
}

JsonRules::Rule JsonRules::value_but_string() {
  if (!value_but_string_) {
    value_but_string_ = builder_.add_rule(words_and_containers());
  }
  return *value_but_string_;
}

}  // namespace levin::generation
