#include "text/added_tokens.h"

#include <algorithm>
#include <utility>

namespace levin::text {
namespace {

bool content_less(const AddedToken& left, const AddedToken& right) {
  return left.content < right.content;
}

}  // namespace

AddedTokenMatcher::AddedTokenMatcher(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::sort(tokens_.begin(), tokens_.end(), content_less);
  for (const AddedToken& token : tokens_) {
    if (first_bytes_.empty() || first_bytes_.back() != token.content[0]) {
      first_bytes_ += token.content[0];
    }
  }
}

const AddedToken* AddedTokenMatcher::longest_at(std::string_view text) const {
  // Narrows the sorted contents to those that begin with the first `depth` bytes of `text`.
  const AddedToken* longest = nullptr;
  auto low = tokens_.begin();
  auto high = tokens_.end();
  for (size_t depth = 0; depth < text.size() && low != high; ++depth) {
    const auto byte = static_cast<uint8_t>(text[depth]);
    const auto byte_at = [depth](const AddedToken& token) {
      return static_cast<uint8_t>(token.content[depth]);
    };
    low = std::partition_point(low, high, [&](const auto& token) { return byte_at(token) < byte; });
    high =
        std::partition_point(low, high, [&](const auto& token) { return byte_at(token) <= byte; });
    if (low != high && low->content.size() == depth + 1) {
      longest = &*low;
      ++low;  // complete: the others are longer, so byte_at stays inside them
    }
  }
  return longest;
}

std::optional<AddedTokenMatcher::Match> AddedTokenMatcher::find(std::string_view text,
                                                                size_t from) const {
  for (size_t pos = text.find_first_of(first_bytes_, from); pos != std::string_view::npos;
       pos = text.find_first_of(first_bytes_, pos + 1)) {
    if (const AddedToken* token = longest_at(text.substr(pos))) {
      return Match{pos, token->content.size(), token->id};
    }
  }
  return std::nullopt;
}

std::optional<int32_t> AddedTokenMatcher::id_of(std::string_view content) const {
  const AddedToken* token = longest_at(content);
  if (token == nullptr || token->content.size() != content.size()) {
    return std::nullopt;
  }
  return token->id;
}

}  // namespace levin::text
