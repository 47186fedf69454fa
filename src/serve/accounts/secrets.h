// The secrets of keys and owners: how they are made, and what of them is stored.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace levin::serve::accounts {

/// SHA-256 of a key. A plain hash is enough, where passwords would need a slow one with a salt: a
/// key carries 238 random bits, so nobody finds it by trying, from the hash or otherwise.
using KeyHash = std::array<uint8_t, 32>;
using OwnerSecret = std::array<uint8_t, 32>;

/// "sk-levin-" and 40 letters and digits from the system's random generator (238 bits). Throws
/// Error(kInternal) if that generator fails.
[[nodiscard]] std::string generate_key();

/// The part of a key that may be shown again: "sk-levin-" and 4 of its letters.
[[nodiscard]] std::string key_hint(std::string_view key);

/// The KEY of an Authorization header "Bearer KEY", without blanks around it; the case of "Bearer"
/// does not matter. Empty if the header has another form.
[[nodiscard]] std::string_view bearer_secret(std::string_view authorization);

[[nodiscard]] KeyHash hash_key(std::string_view key);

/// Takes the same time wherever the first difference lies.
[[nodiscard]] bool equal_in_constant_time(const KeyHash& a, const KeyHash& b);

[[nodiscard]] OwnerSecret generate_owner_secret();

/// First 64 bits of HMAC-SHA256 under the owner's secret; never 0.
[[nodiscard]] uint64_t prefix_salt_of(const OwnerSecret& secret);

}  // namespace levin::serve::accounts
