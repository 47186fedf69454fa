// Environment variables.
#pragma once

#include <string>

namespace levin::base {

/// The variable's value; empty unless that is an absolute path, as the XDG rules say.
[[nodiscard]] std::string absolute_path_of(const char* variable);

}  // namespace levin::base
