// The version of levin-train, as its files record it.
#pragma once

namespace levin::train::run {

/// "0.1.0".
[[nodiscard]] const char* version() noexcept;

}  // namespace levin::train::run
