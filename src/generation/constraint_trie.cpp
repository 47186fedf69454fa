#include "generation/constraint_trie.h"

#include <algorithm>
#include <limits>
#include <string>

#include "text/prompt.h"

namespace levin::generation {
namespace {

bool is_text(std::string_view bytes) {
  return std::ranges::all_of(bytes,
                             [](char byte) { return static_cast<uint8_t>(byte) <= kLastTextByte; });
}

}  // namespace

std::string_view markup_text(MarkupToken token) {
  constexpr std::array<std::string_view, kMarkupTokens> kTexts = {
      text::markup::kThinkEnd,      text::markup::kToolCallsBegin, text::markup::kToolCallsEnd,
      text::markup::kToolCallBegin, text::markup::kToolCallEnd,    text::markup::kToolSep,
      text::markup::kDsml};
  return kTexts[static_cast<size_t>(token)];
}

TokenTrie::TokenTrie(const text::Tokenizer& tokenizer)
    : symbols_(static_cast<size_t>(tokenizer.vocab_size())) {
  add_entries(tokenizer);
  build();
}

void TokenTrie::add_entries(const text::Tokenizer& tokenizer) {
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    const std::string_view bytes = tokenizer.token_bytes(id);
    const bool is_possible = tokenizer.is_known(id) && !tokenizer.is_added(id) && is_text(bytes) &&
                             bytes.size() <= std::numeric_limits<uint16_t>::max();
    if (is_possible) {
      symbols_[static_cast<size_t>(id)] = bytes;
    }
  }
  for (size_t idx = 0; idx < kMarkupTokens; ++idx) {
    const auto token = static_cast<MarkupToken>(idx);
    markup_ids_[idx] = tokenizer.id_of(markup_text(token));
    if (markup_ids_[idx]) {
      symbols_[static_cast<size_t>(*markup_ids_[idx])] =
          std::string(1, static_cast<char>(markup_symbol(token)));
    }
  }
}

void TokenTrie::build() {
  for (size_t id = 0; id < symbols_.size(); ++id) {
    if (!symbols_[id].empty()) {
      token_ids_.push_back(static_cast<int32_t>(id));
    }
  }
  std::ranges::stable_sort(token_ids_, {}, [&](int32_t id) -> const std::string& {
    return symbols_[static_cast<size_t>(id)];
  });
  std::vector<int32_t> path;  // the nodes from the root to the last one
  for (size_t rank = 0; rank < token_ids_.size(); ++rank) {
    const std::string& symbols = symbols_[static_cast<size_t>(token_ids_[rank])];
    size_t shared = 0;
    while (shared < path.size() && shared < symbols.size() &&
           nodes_[static_cast<size_t>(path[shared])].symbol ==
               static_cast<uint8_t>(symbols[shared])) {
      ++shared;
    }
    for (; path.size() > shared; path.pop_back()) {
      nodes_[static_cast<size_t>(path.back())].end = static_cast<int32_t>(nodes_.size());
    }
    const auto token_rank = static_cast<int32_t>(rank);
    for (; path.size() < symbols.size();) {
      const auto symbol = static_cast<uint8_t>(symbols[path.size()]);
      path.push_back(static_cast<int32_t>(nodes_.size()));
      nodes_.push_back({symbol, static_cast<uint16_t>(path.size()), 0, token_rank, token_rank});
    }
    nodes_[static_cast<size_t>(path.back())].tokens_end = token_rank + 1;
    max_depth_ = std::max(max_depth_, static_cast<int>(path.size()));
  }
  for (const int32_t node : path) {
    nodes_[static_cast<size_t>(node)].end = static_cast<int32_t>(nodes_.size());
  }
}

std::string_view TokenTrie::symbols_of(int32_t token) const {
  return token >= 0 && static_cast<size_t>(token) < symbols_.size()
             ? std::string_view(symbols_[static_cast<size_t>(token)])
             : std::string_view();
}

}  // namespace levin::generation
