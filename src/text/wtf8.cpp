#include "text/wtf8.h"

#include <algorithm>
#include <array>

#include "base/utf8.h"

namespace levin::text {

void append_wtf8(std::string& text, char32_t code_point) {
  if (is_high_surrogate(code_point) || is_low_surrogate(code_point)) {
    text += static_cast<char>(0xE0 | (code_point >> 12));
    text += static_cast<char>(0x80 | ((code_point >> 6) & 0x3F));
    text += static_cast<char>(0x80 | (code_point & 0x3F));
    return;
  }
  base::append_utf8(text, code_point);
}

WtfChar first_wtf8_char(std::string_view text) noexcept {
  const auto lead = static_cast<uint8_t>(text[0]);
  if (lead < 0x80) {
    return {lead, 1};
  }
  const size_t length = std::min<size_t>(lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2, text.size());
  constexpr std::array<uint8_t, 5> kLeadMasks = {0, 0x7F, 0x1F, 0x0F, 0x07};
  char32_t code_point = lead & kLeadMasks[length];
  for (size_t idx = 1; idx < length; ++idx) {
    code_point = (code_point << 6) | (static_cast<uint8_t>(text[idx]) & 0x3F);
  }
  return {code_point, length};
}

}  // namespace levin::text
