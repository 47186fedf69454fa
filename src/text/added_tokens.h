// Finds the contents of added tokens ("<｜User｜>", ...) in text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace levin::text {

struct AddedToken {
  int32_t id = 0;
  std::string content;   ///< well-formed UTF-8, not empty
  bool special = false;  ///< left out by decoding with skip_special
};

class AddedTokenMatcher {
 public:
  struct Match {
    size_t begin = 0;  ///< byte offset
    size_t length = 0;
    int32_t id = 0;
  };

  explicit AddedTokenMatcher(std::vector<AddedToken> tokens);

  /// The first position at or after `from` where a content stands, and the longest one there.
  [[nodiscard]] std::optional<Match> find(std::string_view text, size_t from) const;

  /// The token whose content is exactly `content`.
  [[nodiscard]] std::optional<int32_t> id_of(std::string_view content) const;

 private:
  [[nodiscard]] const AddedToken* longest_at(std::string_view text) const;

  std::vector<AddedToken> tokens_;  // sorted by content
  std::string first_bytes_;         // each byte that begins a content, once
};

}  // namespace levin::text
