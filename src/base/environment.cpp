#include "base/environment.h"

#include <cstdlib>

namespace levin::base {

std::string absolute_path_of(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value == '/' ? value : "";
}

}  // namespace levin::base
