// GPT-2's printable stand-ins for bytes, in which byte-level tokenizer files are written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace levin::text {

/// The stand-in of a byte: itself for 33-126, 161-172 and 174-255; the other 68 bytes, in
/// increasing order, are U+0100, U+0101, ... (so a space is U+0120).
[[nodiscard]] char32_t byte_stand_in(uint8_t byte) noexcept;

/// The bytes that `stand_ins` (well-formed UTF-8) stands for; nothing if one of its characters is
/// no stand-in.
[[nodiscard]] std::optional<std::string> bytes_from_stand_ins(std::string_view stand_ins);

}  // namespace levin::text
