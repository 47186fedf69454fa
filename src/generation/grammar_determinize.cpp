// GrammarBuilder::define: one rule, from fragments to a deterministic automaton.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "generation/grammar_builder.h"

namespace levin::generation {

/// The subset construction.
class GrammarBuilder::Determinizer {
 public:
  Determinizer(GrammarBuilder& builder, int32_t accepting)
      : builder_(builder), accepting_(accepting) {}

  int32_t run(int32_t begin) {
    const int32_t entry = state_of({begin});
    while (!work_.empty()) {
      const auto [set, state] = std::move(work_.back());
      work_.pop_back();
      expand(set, state);
    }
    return entry;
  }

 private:
  /// The tight state of all that `kernel` reaches by empty edges.
  int32_t state_of(const StateSet& kernel) {
    StateSet set = closure(kernel);
    const auto [place, is_new] = states_.emplace(set, static_cast<int32_t>(builder_.tight_.size()));
    if (is_new) {
      TightState& state = builder_.tight_.emplace_back();
      state.accepts = std::ranges::binary_search(set, accepting_);
      if (static_cast<int64_t>(builder_.tight_.size()) > builder_.limits_.states) {
        builder_.fail(builder_.place_,
                      "the schema needs too many states; make it smaller or its "
                      "patterns and counts simpler");
      }
      work_.emplace_back(std::move(set), place->second);
    }
    return place->second;
  }

  StateSet closure(const StateSet& kernel) {
    StateSet set = kernel;
    std::set<int32_t> seen(kernel.begin(), kernel.end());
    for (size_t idx = 0; idx < set.size(); ++idx) {
      for (const int32_t next : builder_.loose_[static_cast<size_t>(set[idx])].empty_edges) {
        if (seen.insert(next).second) {
          set.push_back(next);
        }
      }
    }
    builder_.charge(12 * static_cast<int64_t>(set.size()));
    // States with nothing but empty edges say nothing about what may follow.
    std::erase_if(set, [&](int32_t idx) {
      const LooseState& state = builder_.loose_[static_cast<size_t>(idx)];
      return idx != accepting_ && state.edges.empty() && state.calls.empty();
    });
    std::ranges::sort(set);
    return set;
  }

  void expand(const StateSet& set, int32_t state) {
    std::vector<Grammar::Edge> edges;
    std::map<Rule, StateSet> calls;
    for (const int32_t idx : set) {
      const LooseState& loose = builder_.loose_[static_cast<size_t>(idx)];
      edges.insert(edges.end(), loose.edges.begin(), loose.edges.end());
      for (const RuleCall& call : loose.calls) {
        calls[call.rule].push_back(call.target);
      }
    }
    std::vector<Grammar::Edge> tight_edges = join(edges);
    std::vector<RuleCall> tight_calls;
    tight_calls.reserve(calls.size());
    for (auto& [rule, targets] : calls) {
      tight_calls.push_back({rule, state_of(unique(targets))});
    }
    builder_.tight_[static_cast<size_t>(state)].edges = std::move(tight_edges);
    builder_.tight_[static_cast<size_t>(state)].calls = std::move(tight_calls);
  }

  /// Overlapping edges as disjoint ones to the states of their targets together.
  std::vector<Grammar::Edge> join(const std::vector<Grammar::Edge>& edges) {
    std::set<int> bounds;
    for (const Grammar::Edge& edge : edges) {
      bounds.insert(edge.first);
      bounds.insert(edge.last + 1);
    }
    builder_.charge(static_cast<int64_t>(bounds.size() * edges.size()));
    std::vector<Grammar::Edge> joined;
    for (auto bound = bounds.begin(); bound != bounds.end(); ++bound) {
      StateSet targets;
      for (const Grammar::Edge& edge : edges) {
        if (edge.first <= *bound && *bound <= edge.last) {
          targets.push_back(edge.target);
        }
      }
      if (targets.empty()) {
        continue;
      }
      const int32_t target = state_of(unique(targets));
      const auto first = static_cast<uint8_t>(*bound);
      const auto last = static_cast<uint8_t>(*std::next(bound) - 1);
      if (!joined.empty() && joined.back().target == target && joined.back().last + 1 == first) {
        joined.back().last = last;
      } else {
        joined.push_back({first, last, target});
      }
    }
    return joined;
  }

  static StateSet unique(StateSet& states) {
    std::ranges::sort(states);
    states.erase(std::unique(states.begin(), states.end()), states.end());
    return states;
  }

  GrammarBuilder& builder_;
  int32_t accepting_;  // a loose state
  std::map<StateSet, int32_t> states_;
  std::vector<std::pair<StateSet, int32_t>> work_;
};

void GrammarBuilder::define(Rule rule, Fragment fragment) {
  rules_[static_cast<size_t>(rule)].entry = Determinizer(*this, fragment.end).run(fragment.begin);
}

}  // namespace levin::generation
