// UTF-8: validation, repair, code points.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace levin::base {

/// U+FFFD, which stands for what is not well-formed.
inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";

/// Length in bytes of the well-formed sequence at the start of `text`; 0 if ill-formed or empty
/// (overlong forms, surrogates and values beyond U+10FFFF are ill-formed).
[[nodiscard]] size_t utf8_sequence_length(std::string_view text) noexcept;

[[nodiscard]] bool is_valid_utf8(std::string_view text) noexcept;

/// Length of the maximal ill-formed subpart at the start of `text` (Unicode standard, "U+FFFD
/// substitution of maximal subparts"); `text` must not start with a well-formed sequence.
[[nodiscard]] size_t ill_formed_subpart_length(std::string_view text) noexcept;

struct RepairedText {
  std::string text;
  int64_t replacements = 0;  ///< how many maximal ill-formed subparts became U+FFFD
};

/// Replaces each maximal ill-formed subpart by U+FFFD.
[[nodiscard]] RepairedText repair_utf8(std::string_view text);

/// Appends the encoding of a code point.
void append_utf8(std::string& out, char32_t code_point);

/// Number of trailing bytes of `text` that begin a well-formed sequence without completing it
/// (0 to 3): what a streaming decoder keeps back.
[[nodiscard]] size_t incomplete_utf8_tail(std::string_view text) noexcept;

}  // namespace levin::base
