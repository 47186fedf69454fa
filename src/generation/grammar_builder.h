// Puts a Grammar together from small pieces, within stated bounds.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "generation/grammar.h"
#include "generation/schema_place.h"

namespace levin::generation {

/// What one grammar may cost. Steps are counted, not timed, so that a schema that is accepted once
/// is accepted always; 4,000,000 of them take less than 50 ms (about 10 ns each).
struct GrammarLimits {
  int64_t states = 10'000;  ///< of the finished automaton
  int64_t steps = 4'000'000;
};

/// Rules are named languages that may call each other. A rule is written as fragments of a
/// nondeterministic automaton; define() makes it deterministic (calls count as symbols), so that
/// following it needs one state, not many.
/// All functions throw Error(kInvalidArgument) with the place that was set last once a limit is
/// exceeded.
class GrammarBuilder {
 public:
  using Rule = int32_t;
  /// A language: the ways from `begin` to `end`. Each fragment may be used once.
  struct Fragment {
    int32_t begin = 0;
    int32_t end = 0;
  };

  explicit GrammarBuilder(const GrammarLimits& limits = {}) : limits_(limits) {}

  /// A place in a schema, kept as long as the builder. Null as `parent`: `key` is "NAME#".
  [[nodiscard]] const SchemaPlace* add_place(const SchemaPlace* parent, std::string key);
  /// Where in the input the work stands: for errors. Null: nowhere.
  void set_place(const SchemaPlace* place) { place_ = place; }

  /// The empty text.
  [[nodiscard]] Fragment empty();
  /// No text at all: what needs it is left out of the language.
  [[nodiscard]] Fragment nothing();
  /// One symbol from `first` to `last`.
  [[nodiscard]] Fragment symbols(uint8_t first, uint8_t last);
  [[nodiscard]] Fragment literal(std::string_view bytes);
  [[nodiscard]] Fragment call(Rule rule);
  [[nodiscard]] Fragment sequence(std::initializer_list<Fragment> parts);
  /// Any of the parts; none: nothing().
  [[nodiscard]] Fragment choice(std::span<const Fragment> parts);
  [[nodiscard]] Fragment choice(std::initializer_list<Fragment> parts) {
    return choice(std::span(parts.begin(), parts.size()));
  }
  [[nodiscard]] Fragment optional(Fragment part);
  /// Zero or more times.
  [[nodiscard]] Fragment star(Fragment part);
  /// `at_least` to `at_most` times (below 0: without end); `make` gives a new fragment each time.
  [[nodiscard]] Fragment repeat(int64_t at_least, int64_t at_most,
                                const std::function<Fragment()>& make);

  /// For automata that are no combination of the above.
  [[nodiscard]] int32_t add_state();
  void add_edge(int32_t from, uint8_t first, uint8_t last, int32_t target);
  void add_empty_edge(int32_t from, int32_t target);

  /// A rule to be defined later, at the present place.
  [[nodiscard]] Rule declare();
  void define(Rule rule, Fragment fragment);
  /// declare and define.
  [[nodiscard]] Rule add_rule(Fragment fragment);

  /// The automaton that starts with `root`; all rules that it needs must be defined. Throws
  /// Error(kInvalidArgument) if a rule calls itself without taking a symbol, or if no text is in
  /// the language.
  [[nodiscard]] Grammar finish(Rule root);

  /// Counts work; whoever does more of it than to call the functions above says so. Throws
  /// Error(kInvalidArgument) beyond the limit.
  void charge(int64_t steps);

 private:
  struct RuleCall {
    Rule rule = 0;
    int32_t target = 0;
  };
  /// Of the nondeterministic automaton.
  struct LooseState {
    std::vector<Grammar::Edge> edges;
    std::vector<RuleCall> calls;
    std::vector<int32_t> empty_edges;
  };
  /// Of the deterministic one; targets are its own states.
  struct TightState {
    std::vector<Grammar::Edge> edges;
    std::vector<RuleCall> calls;
    bool accepts = false;
    int32_t height = 0;
    bool is_nullable = false;
  };
  struct RuleInfo {
    int32_t entry = -1;  // a tight state
    const SchemaPlace* place = nullptr;
  };
  using StateSet = std::vector<int32_t>;  // ascending

  class Determinizer;

  [[noreturn]] void fail(const SchemaPlace* place, std::string_view problem) const;
  void find_heights();
  void find_nullable();
  void check_left_recursion() const;
  void visit_left(int32_t state, std::vector<uint8_t>& marks) const;
  [[nodiscard]] std::vector<int32_t> left_neighbours(int32_t state) const;
  [[nodiscard]] int32_t entry_of(Rule rule) const;
  [[nodiscard]] Grammar copy_reachable(int32_t start) const;

  GrammarLimits limits_;
  int64_t steps_ = 0;
  std::deque<SchemaPlace> places_;  // a deque: they stay where they are
  const SchemaPlace* place_ = nullptr;
  std::vector<LooseState> loose_;
  std::vector<TightState> tight_;
  std::vector<RuleInfo> rules_;
};

}  // namespace levin::generation
