#include "generation/grammar_builder.h"

#include <utility>

#include "base/error.h"

namespace levin::generation {

using Fragment = GrammarBuilder::Fragment;

void GrammarBuilder::fail(const SchemaPlace* place, std::string_view problem) const {
  base::throw_error(base::ErrorCode::kInvalidArgument, place_text(place), "{}", problem);
}

void GrammarBuilder::charge(int64_t steps) {
  steps_ += steps;
  if (steps_ > limits_.steps) {
    fail(place_,
         "the schema takes too much work to compile; make it smaller or its patterns "
         "and counts simpler");
  }
}

const SchemaPlace* GrammarBuilder::add_place(const SchemaPlace* parent, std::string key) {
  charge(8 + static_cast<int64_t>(key.size()));
  return &places_.emplace_back(SchemaPlace{parent, std::move(key)});
}

int32_t GrammarBuilder::add_state() {
  charge(24);
  loose_.emplace_back();
  return static_cast<int32_t>(loose_.size()) - 1;
}

void GrammarBuilder::add_edge(int32_t from, uint8_t first, uint8_t last, int32_t target) {
  charge(2);
  loose_[static_cast<size_t>(from)].edges.push_back({first, last, target});
}

void GrammarBuilder::add_empty_edge(int32_t from, int32_t target) {
  charge(2);
  loose_[static_cast<size_t>(from)].empty_edges.push_back(target);
}

Fragment GrammarBuilder::empty() {
  const int32_t state = add_state();
  return {state, state};
}

Fragment GrammarBuilder::nothing() { return {add_state(), add_state()}; }

Fragment GrammarBuilder::symbols(uint8_t first, uint8_t last) {
  const Fragment made = nothing();
  add_edge(made.begin, first, last, made.end);
  return made;
}

Fragment GrammarBuilder::literal(std::string_view bytes) {
  Fragment made = empty();
  for (const char byte : bytes) {
    const int32_t next = add_state();
    add_edge(made.end, static_cast<uint8_t>(byte), static_cast<uint8_t>(byte), next);
    made.end = next;
  }
  return made;
}

Fragment GrammarBuilder::call(Rule rule) {
  const Fragment made = nothing();
  loose_[static_cast<size_t>(made.begin)].calls.push_back({rule, made.end});
  return made;
}

Fragment GrammarBuilder::sequence(std::initializer_list<Fragment> parts) {
  Fragment made = empty();
  for (const Fragment& part : parts) {
    add_empty_edge(made.end, part.begin);
    made.end = part.end;
  }
  return made;
}

Fragment GrammarBuilder::choice(std::span<const Fragment> parts) {
  const Fragment made = nothing();
  for (const Fragment& part : parts) {
    add_empty_edge(made.begin, part.begin);
    add_empty_edge(part.end, made.end);
  }
  return made;
}

Fragment GrammarBuilder::optional(Fragment part) { return choice({part, empty()}); }

Fragment GrammarBuilder::star(Fragment part) {
  const Fragment made = empty();
  add_empty_edge(made.begin, part.begin);
  add_empty_edge(part.end, made.end);
  return made;
}

Fragment GrammarBuilder::repeat(int64_t at_least, int64_t at_most,
                                const std::function<Fragment()>& make) {
  Fragment made = empty();
  for (int64_t count = 0; count < at_least; ++count) {
    made = sequence({made, make()});
  }
  if (at_most < 0) {
    return sequence({made, star(make())});
  }
  const int32_t end = add_state();
  for (int64_t count = at_least; count < at_most; ++count) {
    add_empty_edge(made.end, end);
    made = sequence({made, make()});
  }
  add_empty_edge(made.end, end);
  return {made.begin, end};
}

GrammarBuilder::Rule GrammarBuilder::declare() {
  charge(8);
  rules_.push_back({-1, place_});
  return static_cast<Rule>(rules_.size()) - 1;
}

GrammarBuilder::Rule GrammarBuilder::add_rule(Fragment fragment) {
  const Rule rule = declare();
  define(rule, fragment);
  return rule;
}

int32_t GrammarBuilder::entry_of(Rule rule) const {
  const int32_t entry = rules_[static_cast<size_t>(rule)].entry;
  LEVIN_CHECK(entry >= 0);
  return entry;
}

}  // namespace levin::generation
