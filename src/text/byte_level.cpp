#include "text/byte_level.h"

#include <array>

#include "base/utf8.h"

namespace levin::text {
namespace {

constexpr size_t kByteCount = 256;
constexpr char32_t kFirstRemapped = 0x100;
constexpr size_t kStandInLimit = kFirstRemapped + 68;

constexpr bool stands_for_itself(size_t byte) noexcept {
  return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

constexpr std::array<char32_t, kByteCount> make_stand_ins() noexcept {
  std::array<char32_t, kByteCount> table{};
  char32_t next = kFirstRemapped;
  for (size_t byte = 0; byte < kByteCount; ++byte) {
    table[byte] = stands_for_itself(byte) ? static_cast<char32_t>(byte) : next++;
  }
  return table;
}

constexpr std::array<char32_t, kByteCount> kStandIns = make_stand_ins();

/// Byte of every code point below kStandInLimit, -1 where it is no stand-in.
constexpr std::array<int16_t, kStandInLimit> make_bytes() noexcept {
  std::array<int16_t, kStandInLimit> table{};
  for (int16_t& entry : table) {
    entry = -1;
  }
  for (size_t byte = 0; byte < kByteCount; ++byte) {
    table[kStandIns[byte]] = static_cast<int16_t>(byte);
  }
  return table;
}

constexpr std::array<int16_t, kStandInLimit> kBytes = make_bytes();

}  // namespace

char32_t byte_stand_in(uint8_t byte) noexcept { return kStandIns[byte]; }

std::optional<std::string> bytes_from_stand_ins(std::string_view stand_ins) {
  std::string bytes;
  bytes.reserve(stand_ins.size());
  while (!stand_ins.empty()) {
    // Every stand-in has one or two bytes in UTF-8.
    const size_t length = base::utf8_sequence_length(stand_ins);
    if (length == 0 || length > 2) {
      return std::nullopt;
    }
    const auto lead = static_cast<uint8_t>(stand_ins[0]);
    const size_t code_point =
        length == 1 ? lead : ((lead & 0x1FU) << 6) | (static_cast<uint8_t>(stand_ins[1]) & 0x3FU);
    if (code_point >= kStandInLimit || kBytes[code_point] < 0) {
      return std::nullopt;
    }
    bytes.push_back(static_cast<char>(kBytes[code_point]));
    stand_ins.remove_prefix(length);
  }
  return bytes;
}

}  // namespace levin::text
