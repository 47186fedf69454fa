#include "text/token_table.h"

#include <algorithm>

#include "text/byte_level.h"

namespace levin::text {

TokenTable::TokenTable(const TokenizerSpec& spec) : flags_(static_cast<size_t>(spec.id_count)) {
  std::vector<std::string> contents(flags_.size());
  for (const VocabEntry& entry : spec.vocab) {
    // A token that is not written in stand-ins stands for its own text, as in the reference.
    contents[static_cast<size_t>(entry.id)] =
        bytes_from_stand_ins(entry.content).value_or(entry.content);
    flags_[static_cast<size_t>(entry.id)] = kKnown;
    longest_merged_bytes_ =
        std::max(longest_merged_bytes_, contents[static_cast<size_t>(entry.id)].size());
  }
  for (const AddedToken& token : spec.added_tokens) {
    contents[static_cast<size_t>(token.id)] = token.content;
    flags_[static_cast<size_t>(token.id)] =
        token.special ? kKnown | kAdded | kSpecial : kKnown | kAdded;
  }
  offsets_.reserve(contents.size() + 1);
  offsets_.push_back(0);
  for (const std::string& content : contents) {
    pool_ += content;
    offsets_.push_back(static_cast<uint32_t>(pool_.size()));
  }
}

std::string_view TokenTable::bytes(int32_t id) const noexcept {
  if (!is_known(id)) {
    return {};
  }
  const auto idx = static_cast<size_t>(id);
  return std::string_view(pool_).substr(offsets_[idx], offsets_[idx + 1] - offsets_[idx]);
}

}  // namespace levin::text
