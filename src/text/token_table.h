// What every token id stands for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer_json.h"

namespace levin::text {

/// Ids outside the table, and gaps within it, are unknown: no bytes, no flags.
class TokenTable {
 public:
  explicit TokenTable(const TokenizerSpec& spec);

  [[nodiscard]] int32_t id_count() const noexcept { return static_cast<int32_t>(flags_.size()); }
  [[nodiscard]] std::string_view bytes(int32_t id) const noexcept;
  /// Of the tokens that merges make, at least 1.
  [[nodiscard]] size_t longest_merged_bytes() const noexcept { return longest_merged_bytes_; }
  [[nodiscard]] bool is_known(int32_t id) const noexcept { return has(id, kKnown); }
  [[nodiscard]] bool is_added(int32_t id) const noexcept { return has(id, kAdded); }
  [[nodiscard]] bool is_special(int32_t id) const noexcept { return has(id, kSpecial); }

 private:
  static constexpr uint8_t kKnown = 1;
  static constexpr uint8_t kAdded = 2;
  static constexpr uint8_t kSpecial = 4;

  [[nodiscard]] bool has(int32_t id, uint8_t flag) const noexcept {
    return id >= 0 && id < id_count() && (flags_[static_cast<size_t>(id)] & flag) != 0;
  }

  std::string pool_;               // the bytes of all tokens, by id
  std::vector<uint32_t> offsets_;  // [ids + 1] into pool_
  std::vector<uint8_t> flags_;     // [ids]
  size_t longest_merged_bytes_ = 1;
};

}  // namespace levin::text
