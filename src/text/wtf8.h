// UTF-16 surrogates in UTF-8-like text (WTF-8): what JSON strings may hold and UTF-8 may not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace levin::text {

[[nodiscard]] constexpr bool is_high_surrogate(uint32_t unit) noexcept {
  return unit >= 0xD800 && unit <= 0xDBFF;
}

[[nodiscard]] constexpr bool is_low_surrogate(uint32_t unit) noexcept {
  return unit >= 0xDC00 && unit <= 0xDFFF;
}

[[nodiscard]] constexpr char32_t join_surrogates(uint32_t high, uint32_t low) noexcept {
  return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
}

/// Appends a code point, or a lone surrogate as three bytes.
void append_wtf8(std::string& text, char32_t code_point);

struct WtfChar {
  char32_t code_point = 0;  ///< may be a surrogate
  size_t length = 0;        ///< bytes
};

/// The character at the start of `text`, which must not be empty; of ill-formed WTF-8 some
/// character, never longer than the text.
[[nodiscard]] WtfChar first_wtf8_char(std::string_view text) noexcept;

}  // namespace levin::text
