// A number for a text, on every machine the same.
#pragma once

#include <cstdint>
#include <string_view>

namespace levin::base {

/// FNV-1a of no bytes.
inline constexpr uint64_t kFnv1aStart = 0xCBF29CE484222325ULL;

/// FNV-1a, 64 bits. `hash` of the bytes before gives that of both together.
[[nodiscard]] constexpr uint64_t fnv1a(std::string_view bytes,
                                       uint64_t hash = kFnv1aStart) noexcept {
  for (const char byte : bytes) {
    hash = (hash ^ static_cast<uint8_t>(byte)) * 0x100000001B3ULL;
  }
  return hash;
}

}  // namespace levin::base
