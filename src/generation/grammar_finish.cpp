// GrammarBuilder::finish: what holds for all rules together.
#include <algorithm>
#include <limits>

#include "base/error.h"
#include "generation/grammar_builder.h"

namespace levin::generation {
namespace {

/// More nested calls than any automaton needs: no accepting state can be reached.
constexpr int32_t kNoHeight = std::numeric_limits<int32_t>::max() / 2;

constexpr uint8_t kUnseen = 0;
constexpr uint8_t kOpen = 1;
constexpr uint8_t kDone = 2;

}  // namespace

/// The least fixed point, by sweeps from the last state back: rules are numbered front to back.
void GrammarBuilder::find_heights() {
  for (TightState& state : tight_) {
    state.height = state.accepts ? 0 : kNoHeight;
  }
  bool has_changed = true;
  while (has_changed) {
    has_changed = false;
    charge(4 * static_cast<int64_t>(tight_.size()));
    for (size_t idx = tight_.size(); idx-- > 0;) {
      TightState& state = tight_[idx];
      int32_t height = state.height;
      for (const Grammar::Edge& edge : state.edges) {
        height = std::min(height, tight_[static_cast<size_t>(edge.target)].height);
      }
      for (const RuleCall& call : state.calls) {
        const int32_t inside = tight_[static_cast<size_t>(entry_of(call.rule))].height;
        const int32_t after = tight_[static_cast<size_t>(call.target)].height;
        height = std::min(height, std::max(inside == kNoHeight ? inside : inside + 1, after));
      }
      has_changed = has_changed || height != state.height;
      state.height = height;
    }
  }
}

void GrammarBuilder::find_nullable() {
  bool has_changed = true;
  while (has_changed) {
    has_changed = false;
    charge(4 * static_cast<int64_t>(tight_.size()));
    for (TightState& state : tight_) {
      const bool is_nullable =
          state.accepts || std::ranges::any_of(state.calls, [&](const RuleCall& call) {
            return tight_[static_cast<size_t>(entry_of(call.rule))].is_nullable &&
                   tight_[static_cast<size_t>(call.target)].is_nullable;
          });
      has_changed = has_changed || is_nullable != state.is_nullable;
      state.is_nullable = is_nullable;
    }
  }
}

/// The states where one may stand after `state` without having taken a symbol.
std::vector<int32_t> GrammarBuilder::left_neighbours(int32_t state) const {
  std::vector<int32_t> neighbours;
  for (const RuleCall& call : tight_[static_cast<size_t>(state)].calls) {
    const int32_t entry = entry_of(call.rule);
    neighbours.push_back(entry);
    if (tight_[static_cast<size_t>(entry)].is_nullable) {
      neighbours.push_back(call.target);
    }
  }
  return neighbours;
}

/// Depth first with a stack of our own: a chain of references may be long.
void GrammarBuilder::visit_left(int32_t state, std::vector<uint8_t>& marks) const {
  std::vector<int32_t> path = {state};
  while (!path.empty()) {
    const int32_t current = path.back();
    uint8_t& mark = marks[static_cast<size_t>(current)];
    if (mark != kUnseen) {
      mark = kDone;
      path.pop_back();
      continue;
    }
    mark = kOpen;
    for (const int32_t next : left_neighbours(current)) {
      const uint8_t seen = marks[static_cast<size_t>(next)];
      if (seen == kOpen) {
        for (const RuleInfo& rule : rules_) {
          if (rule.entry == next) {
            fail(rule.place,
                 "the schema refers to itself without end: put an object or an array "
                 "between");
          }
        }
        fail(place_, "the schema refers to itself without end");
      }
      if (seen == kUnseen) {
        path.push_back(next);
      }
    }
  }
}

void GrammarBuilder::check_left_recursion() const {
  std::vector<uint8_t> marks(tight_.size(), kUnseen);
  for (size_t state = 0; state < tight_.size(); ++state) {
    if (marks[state] == kUnseen) {
      visit_left(static_cast<int32_t>(state), marks);
    }
  }
}

Grammar GrammarBuilder::copy_reachable(int32_t start) const {
  std::vector<int32_t> new_idx(tight_.size(), -1);
  std::vector<int32_t> order;
  const auto place_of = [&](int32_t old) {
    int32_t& idx = new_idx[static_cast<size_t>(old)];
    if (idx < 0) {
      idx = static_cast<int32_t>(order.size());
      order.push_back(old);
    }
    return idx;
  };
  const auto is_dead = [&](int32_t old) {
    return tight_[static_cast<size_t>(old)].height == kNoHeight;
  };
  Grammar grammar;
  grammar.start = place_of(start);
  for (size_t next = 0; next < order.size(); ++next) {
    const TightState& old = tight_[static_cast<size_t>(order[next])];
    Grammar::State state;
    state.accepts = old.accepts;
    state.height = old.height;
    for (const Grammar::Edge& edge : old.edges) {
      if (!is_dead(edge.target)) {
        state.edges.push_back({edge.first, edge.last, place_of(edge.target)});
      }
    }
    for (const RuleCall& call : old.calls) {
      const int32_t entry = entry_of(call.rule);
      if (!is_dead(entry) && !is_dead(call.target)) {
        state.calls.push_back({place_of(entry), place_of(call.target)});
      }
    }
    grammar.states.push_back(std::move(state));
  }
  return grammar;
}

Grammar GrammarBuilder::finish(Rule root) {
  find_heights();
  find_nullable();
  check_left_recursion();
  const int32_t start = entry_of(root);
  if (tight_[static_cast<size_t>(start)].height == kNoHeight) {
    // The root may have no place of its own: then the first schema without a value has it.
    const auto culprit = std::ranges::find_if(rules_, [this](const RuleInfo& rule) {
      return rule.place != nullptr && rule.entry >= 0 &&
             tight_[static_cast<size_t>(rule.entry)].height == kNoHeight;
    });
    fail(culprit == rules_.end() ? rules_[static_cast<size_t>(root)].place : culprit->place,
         "no value fits the schema: what it asks for contradicts itself or never ends");
  }
  return copy_reachable(start);
}

}  // namespace levin::generation
