// The tokens of a vocabulary as a tree of their bytes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "generation/grammar.h"
#include "text/tokenizer.h"

namespace levin::generation {

/// Special tokens that grammars speak of, each as one symbol.
enum class MarkupToken : uint8_t {
  kThinkEnd,
  kToolCallsBegin,
  kToolCallsEnd,
  kToolCallBegin,
  kToolCallEnd,
  kToolSep,
  kDsml,
};
inline constexpr size_t kMarkupTokens = 7;

/// What a MarkupToken spells.
[[nodiscard]] std::string_view markup_text(MarkupToken token);

/// Its symbol in a Grammar.
[[nodiscard]] constexpr uint8_t markup_symbol(MarkupToken token) {
  return static_cast<uint8_t>(kFirstMarkupSymbol + static_cast<uint8_t>(token));
}

/// Immutable; built once per tokenizer (about a tenth of a second for 128,000 tokens) and shared.
/// Holds the ordinary tokens whose bytes can be part of UTF-8 and the markup tokens that the
/// tokenizer has; no other added token can be drawn under a constraint. Every byte is a token (the
/// tokenizer sees to that), so whatever a grammar lets follow can be written.
class TokenTrie {
 public:
  explicit TokenTrie(const text::Tokenizer& tokenizer);

  /// One step down the tree. Nodes are in depth-first order: the first child of a node follows it.
  struct Node {
    uint8_t symbol = 0;
    uint16_t depth = 0;        ///< symbols from the root
    int32_t end = 0;           ///< the first node after this one's descendants
    int32_t tokens_begin = 0;  ///< into token_ids(): the tokens that end here
    int32_t tokens_end = 0;
  };
  [[nodiscard]] const std::vector<Node>& nodes() const noexcept { return nodes_; }
  [[nodiscard]] const std::vector<int32_t>& token_ids() const noexcept { return token_ids_; }
  [[nodiscard]] int max_depth() const noexcept { return max_depth_; }

  /// The symbols of a token; empty if the trie does not have it.
  [[nodiscard]] std::string_view symbols_of(int32_t token) const;
  /// True if `token` is one token of the vocabulary.
  [[nodiscard]] bool has_token(MarkupToken token) const noexcept {
    return markup_ids_[static_cast<size_t>(token)].has_value();
  }

 private:
  void add_entries(const text::Tokenizer& tokenizer);
  void build();

  std::vector<std::string> symbols_;  // [ids]
  std::array<std::optional<int32_t>, kMarkupTokens> markup_ids_;
  std::vector<Node> nodes_;
  std::vector<int32_t> token_ids_;
  int max_depth_ = 0;
};

}  // namespace levin::generation
