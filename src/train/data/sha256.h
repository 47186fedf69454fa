// SHA-256 checksums.
#pragma once

#include <string>
#include <string_view>

namespace levin::train::data {

/// 64 hexadecimal digits. Throws Error(kInternal) if OpenSSL fails.
[[nodiscard]] std::string sha256_hex(std::string_view bytes);

}  // namespace levin::train::data
