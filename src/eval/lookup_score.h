// When an answer to a look-up question is right.
#pragma once

#include <string_view>

namespace levin::eval {

/// The value that a text states: what stands between the last " is " and the full stop behind it,
/// if nothing but white space follows that stop; else empty. White space around the value does not
/// count.
[[nodiscard]] std::string_view stated_value(std::string_view text) noexcept;

/// True if the text states `answer`, to the letter: case, white space inside and punctuation count.
[[nodiscard]] bool is_right_answer(std::string_view text, std::string_view answer) noexcept;

}  // namespace levin::eval
