// A language over bytes as a pushdown automaton: what constrained decoding follows.
#pragma once

#include <cstdint>
#include <vector>

namespace levin::generation {

/// Symbols from here up are no bytes of text (UTF-8 has none above 0xF4): each stands for one
/// special token, such as `</think>`.
inline constexpr uint8_t kFirstMarkupSymbol = 0xF8;
/// The largest byte of well-formed UTF-8.
inline constexpr uint8_t kLastTextByte = 0xF4;

/// A finite automaton whose transitions may also call it again from another state, which nests.
/// Every state can reach an accepting one; no call leads back to itself without taking a symbol.
struct Grammar {
  struct Edge {
    uint8_t first = 0;  ///< symbols first to last
    uint8_t last = 0;
    int32_t target = 0;
  };
  /// Goes to `entry`; once an accepting state is reached from there, goes on at `target`.
  struct Call {
    int32_t entry = 0;
    int32_t target = 0;
  };
  struct State {
    std::vector<Edge> edges;  ///< ascending, disjoint
    std::vector<Call> calls;
    bool accepts = false;
    /// The fewest nested calls with which an accepting state can be reached from here.
    int32_t height = 0;
  };

  std::vector<State> states;
  int32_t start = 0;
};

}  // namespace levin::generation
