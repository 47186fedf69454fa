// Finds stop strings in streamed text and keeps back what may become one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace levin::generation {

/// Of several matches the one that is complete first counts (among equals the longest), so the
/// result does not depend on how the text was cut into pieces.
class StopStrings {
 public:
  /// Throws Error(kInvalidArgument) for an empty or ill-formed (not UTF-8) stop string.
  explicit StopStrings(std::vector<std::string> stops);

  /// Takes the next piece of the text and returns what is certain to stand before any stop string.
  /// Once one has matched, it and everything after it are dropped.
  [[nodiscard]] std::string push(std::string_view piece);

  /// The end of the text: what was kept back is text after all.
  [[nodiscard]] std::string flush();

  [[nodiscard]] bool has_matched() const noexcept { return !matched_.empty(); }
  /// The stop string that ended the text; empty if none did.
  [[nodiscard]] const std::string& matched() const noexcept { return matched_; }

 private:
  [[nodiscard]] size_t held_back_bytes() const;

  std::vector<std::string> stops_;
  std::string pending_;  // not yet returned: the beginning of a stop string, between calls
  std::string matched_;
};

}  // namespace levin::generation
