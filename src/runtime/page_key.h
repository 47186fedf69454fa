// Names of cache pages: what a page holds, and all that came before it, as one SHA-256.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace levin::runtime {

/// A SHA-256 digest. Equal keys mean equal owner, model, settings and token ids from position 0 on.
struct PageKey {
  std::array<unsigned char, 32> bytes{};

  bool operator==(const PageKey&) const = default;

  /// 64 lower-case digits.
  [[nodiscard]] std::string hex() const;
  /// The inverse of hex(); nothing for any other text.
  [[nodiscard]] static std::optional<PageKey> from_hex(std::string_view text);
};

/// For hash tables: a digest is its own hash.
struct PageKeyHash {
  size_t operator()(const PageKey& key) const noexcept {
    size_t hash = 0;
    std::memcpy(&hash, key.bytes.data(), sizeof(hash));
    return hash;
  }
};

/// Prompts that may share pages: those of one owner that attend alike.
struct Sharers {
  uint64_t salt = 0;      ///< of the owner
  bool is_dense = false;  ///< they attend densely where the model, for the others, does not
};

[[nodiscard]] PageKey sha256(std::string_view bytes);

/// Key of the beginning, before any page: of the sharers and of everything else that the bits of a
/// page depend on besides the tokens (cache_identity.h).
[[nodiscard]] PageKey root_key(std::string_view identity, const Sharers& sharers);

/// Key of the page with these ids behind the page, or the beginning, `previous`.
[[nodiscard]] PageKey next_key(const PageKey& previous, std::span<const int32_t> ids);

/// Tells whose page it is without telling the salt.
[[nodiscard]] uint64_t owner_tag(uint64_t salt);

}  // namespace levin::runtime
