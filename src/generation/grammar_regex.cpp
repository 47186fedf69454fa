// From a parsed expression to a fragment.
#include "generation/grammar_regex.h"

#include <utility>

namespace levin::generation {
namespace {

using Fragment = GrammarBuilder::Fragment;

class Emitter {
 public:
  Emitter(GrammarBuilder& builder, CharForm form) : builder_(builder), form_(form) {}

  /// An alternative of the whole expression: without anchors, anything may stand around it.
  Fragment alternative(const Regex& regex) {
    const std::vector<Regex>& parts = regex.parts;
    const bool has_begin = !parts.empty() && parts.front().kind == Regex::Kind::kTextBegin;
    const bool has_end = !parts.empty() && parts.back().kind == Regex::Kind::kTextEnd;
    Fragment made = has_begin ? builder_.empty() : anything();
    for (const Regex& part : parts) {
      if (part.kind != Regex::Kind::kTextBegin && part.kind != Regex::Kind::kTextEnd) {
        made = builder_.sequence({made, emit(part)});
      }
    }
    return has_end ? made : builder_.sequence({made, anything()});
  }

  /// The parser bounds the depth of the recursion.
  Fragment emit(const Regex& regex) {
    switch (regex.kind) {
      case Regex::Kind::kChars:
        return one_of(builder_, regex.chars, form_);
      case Regex::Kind::kSequence: {
        Fragment made = builder_.empty();
        for (const Regex& part : regex.parts) {
          made = builder_.sequence({made, emit(part)});
        }
        return made;
      }
      case Regex::Kind::kChoice: {
        std::vector<Fragment> ways;
        for (const Regex& part : regex.parts) {
          ways.push_back(emit(part));
        }
        return builder_.choice(ways);
      }
      case Regex::Kind::kRepeat:
        return builder_.repeat(regex.at_least, regex.at_most,
                               [&] { return emit(regex.parts.front()); });
      case Regex::Kind::kTextBegin:
      case Regex::Kind::kTextEnd:
        break;
    }
    return builder_.empty();
  }

 private:
  Fragment anything() { return builder_.star(one_of(builder_, CharSet({{0, 0x10FFFF}}), form_)); }

  GrammarBuilder& builder_;
  CharForm form_;
};

}  // namespace

Fragment regex_fragment(GrammarBuilder& builder, const Regex& regex, CharForm form) {
  Emitter emitter(builder, form);
  if (regex.kind != Regex::Kind::kChoice) {
    return emitter.alternative(regex);
  }
  std::vector<Fragment> ways;
  for (const Regex& part : regex.parts) {
    ways.push_back(emitter.alternative(part));
  }
  return builder.choice(ways);
}

}  // namespace levin::generation
