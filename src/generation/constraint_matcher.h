// Follows a Grammar symbol by symbol.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "generation/grammar.h"

namespace levin::generation {

/// All that may follow a text: where in the grammar, under which open calls. Positions are numbered
/// as they are met and their steps remembered, so that asking again costs one look-up.
///
/// Calls nest at most kMaxDepth deep; a position is only entered if its open calls can be finished
/// within that. Where several readings of a text are open, at most kMaxReadings are followed (every
/// one of them can be completed, so leaving some out only narrows the choice).
/// For one thread at a time.
class GrammarMatcher {
 public:
  using Position = int32_t;
  static constexpr Position kNowhere = -1;
  static constexpr int32_t kMaxDepth = 128;
  static constexpr size_t kMaxReadings = 128;

  explicit GrammarMatcher(std::shared_ptr<const Grammar> grammar);

  /// Before the first symbol.
  [[nodiscard]] Position start() const noexcept { return start_; }

  /// After one more symbol; kNowhere if it may not follow.
  [[nodiscard]] Position step(Position from, uint8_t symbol) {
    Steps& steps = steps_[static_cast<size_t>(from)];
    if (steps != nullptr && (*steps)[symbol] != kUnknown) {
      return (*steps)[symbol];
    }
    return find_step(from, symbol);
  }

  /// True if the text may end here.
  [[nodiscard]] bool is_complete(Position position) const {
    return places_[static_cast<size_t>(position)].is_complete;
  }

  /// How many positions are remembered.
  [[nodiscard]] size_t position_count() const noexcept { return places_.size(); }

  /// Forgets all positions but `kept`, which gets the number that is returned.
  [[nodiscard]] Position forget_all_but(Position kept);

 private:
  static constexpr Position kUnknown = -2;
  /// Beyond that a step that is not known leads nowhere: a bound on memory within one mask.
  static constexpr size_t kMaxPositions = 32'768;

  /// A state of the grammar under the calls of `parent`; nodes are shared, so stacks are trees.
  struct Node {
    int32_t state = 0;
    int32_t parent = -1;  // the node to go on from when the state's call is done; -1: none
    int32_t depth = 0;    // open calls
  };
  using NodeSet = std::vector<int32_t>;  // ascending
  struct Place {
    NodeSet nodes;  // those that can take a symbol
    bool is_complete = false;
  };
  using Steps = std::unique_ptr<std::array<Position, 256>>;
  struct SetHash {
    size_t operator()(const NodeSet& set) const noexcept;
  };

  Position find_step(Position from, uint8_t symbol);
  [[nodiscard]] std::optional<int32_t> node_of(int32_t state, int32_t parent);
  void visit(int32_t node, NodeSet& work);
  void visit_calls(const Node& node, NodeSet& work);
  [[nodiscard]] Position position_of(const NodeSet& kernel);
  [[nodiscard]] int32_t copy_node(int32_t node, const std::vector<Node>& old);

  std::shared_ptr<const Grammar> grammar_;
  std::vector<Node> nodes_;
  std::unordered_map<uint64_t, int32_t> node_ids_;  // by state and parent
  std::vector<Place> places_;
  std::vector<Steps> steps_;
  std::unordered_map<NodeSet, Position, SetHash> positions_;  // by nodes; -1 first if complete
  std::vector<uint32_t> visited_;  // by node + 1: the visit in which it was last met
  uint32_t visit_ = 0;
  Position start_ = 0;
};

}  // namespace levin::generation
