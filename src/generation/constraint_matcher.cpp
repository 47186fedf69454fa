#include "generation/constraint_matcher.h"

#include <algorithm>
#include <utility>

namespace levin::generation {
namespace {

/// Stands in a set for "the text may end here".
constexpr int32_t kEnd = -1;

}  // namespace

size_t GrammarMatcher::SetHash::operator()(const NodeSet& set) const noexcept {
  uint64_t hash = 0x9E3779B97F4A7C15U;
  for (const int32_t node : set) {
    hash = (hash ^ static_cast<uint32_t>(node)) * 0xFF51AFD7ED558CCDU;
    hash ^= hash >> 32;
  }
  return hash;
}

GrammarMatcher::GrammarMatcher(std::shared_ptr<const Grammar> grammar)
    : grammar_(std::move(grammar)) {
  NodeSet kernel;
  if (const auto node = node_of(grammar_->start, -1)) {
    kernel.push_back(*node);
  }
  start_ = position_of(kernel);
}

/// Nothing if the node's calls could not be finished within kMaxDepth.
std::optional<int32_t> GrammarMatcher::node_of(int32_t state, int32_t parent) {
  const int32_t depth = parent < 0 ? 0 : nodes_[static_cast<size_t>(parent)].depth + 1;
  if (depth + grammar_->states[static_cast<size_t>(state)].height > kMaxDepth) {
    return std::nullopt;
  }
  const uint64_t key =
      (static_cast<uint64_t>(static_cast<uint32_t>(parent)) << 32) | static_cast<uint32_t>(state);
  const auto [place, is_new] = node_ids_.emplace(key, static_cast<int32_t>(nodes_.size()));
  if (is_new) {
    nodes_.push_back({state, parent, depth});
  }
  return place->second;
}

/// Puts a node on `work` unless this visit has met it.
void GrammarMatcher::visit(int32_t node, NodeSet& work) {
  visited_.resize(nodes_.size() + 1);
  uint32_t& last_visit = visited_[static_cast<size_t>(node) + 1];  // kEnd has place 0
  if (last_visit != visit_) {
    last_visit = visit_;
    work.push_back(node);
  }
}

void GrammarMatcher::visit_calls(const Node& node, NodeSet& work) {
  for (const Grammar::Call& call : grammar_->states[static_cast<size_t>(node.state)].calls) {
    const Grammar::State& target = grammar_->states[static_cast<size_t>(call.target)];
    // A call that is the last thing to do needs no return of its own.
    const bool is_last = target.accepts && target.edges.empty() && target.calls.empty();
    const auto back = is_last ? std::optional(node.parent) : node_of(call.target, node.parent);
    const auto inside = back ? node_of(call.entry, *back) : std::nullopt;
    if (inside) {
      visit(*inside, work);
    }
  }
}

/// Follows calls and returns from `kernel` as far as possible without a symbol; depth first, so
/// that the first readings are whole ones even where there are too many.
GrammarMatcher::Position GrammarMatcher::position_of(const NodeSet& kernel) {
  NodeSet found;
  NodeSet work;
  ++visit_;
  for (const int32_t node : kernel) {
    visit(node, work);
  }
  while (!work.empty() && found.size() < kMaxReadings) {
    const int32_t idx = work.back();
    work.pop_back();
    if (idx == kEnd) {
      found.push_back(kEnd);
      continue;
    }
    const Node node = nodes_[static_cast<size_t>(idx)];
    const Grammar::State& state = grammar_->states[static_cast<size_t>(node.state)];
    if (!state.edges.empty()) {
      found.push_back(idx);
    }
    visit_calls(node, work);
    if (state.accepts) {
      visit(node.parent, work);  // which is kEnd for the outermost
    }
  }
  std::ranges::sort(found);
  const auto [place, is_new] = positions_.emplace(found, static_cast<Position>(places_.size()));
  if (is_new) {
    const bool is_complete = !found.empty() && found.front() == kEnd;
    found.erase(found.begin(), found.begin() + (is_complete ? 1 : 0));
    places_.push_back({std::move(found), is_complete});
    steps_.emplace_back();
  }
  return place->second;
}

GrammarMatcher::Position GrammarMatcher::find_step(Position from, uint8_t symbol) {
  NodeSet kernel;
  for (const int32_t idx : places_[static_cast<size_t>(from)].nodes) {
    const Node node = nodes_[static_cast<size_t>(idx)];
    for (const Grammar::Edge& edge : grammar_->states[static_cast<size_t>(node.state)].edges) {
      if (edge.first <= symbol && symbol <= edge.last) {
        if (const auto next = node_of(edge.target, node.parent)) {
          kernel.push_back(*next);
        }
      }
    }
  }
  const bool is_full = places_.size() >= kMaxPositions;
  const Position next = kernel.empty() || is_full ? kNowhere : position_of(kernel);
  Steps& steps = steps_[static_cast<size_t>(from)];
  if (steps == nullptr) {
    steps = std::make_unique<std::array<Position, 256>>();
    steps->fill(kUnknown);
  }
  (*steps)[symbol] = next;
  return next;
}

/// Copies a node with its parents, outermost first.
int32_t GrammarMatcher::copy_node(int32_t node, const std::vector<Node>& old) {
  std::vector<int32_t> path;
  for (int32_t idx = node; idx >= 0; idx = old[static_cast<size_t>(idx)].parent) {
    path.push_back(idx);
  }
  int32_t copy = -1;
  while (!path.empty()) {
    copy = *node_of(old[static_cast<size_t>(path.back())].state, copy);
    path.pop_back();
  }
  return copy;
}

GrammarMatcher::Position GrammarMatcher::forget_all_but(Position kept) {
  const std::vector<Node> old_nodes = std::exchange(nodes_, {});
  const std::vector<Place> old_places = std::exchange(places_, {});
  node_ids_.clear();
  steps_.clear();
  positions_.clear();
  visited_.clear();
  const Place& place = old_places[static_cast<size_t>(kept)];
  NodeSet kernel;
  if (place.is_complete) {
    kernel.push_back(kEnd);
  }
  for (const int32_t node : place.nodes) {
    kernel.push_back(copy_node(node, old_nodes));
  }
  const Position position = position_of(kernel);
  start_ = position_of({*node_of(grammar_->start, -1)});
  return position;
}

}  // namespace levin::generation
