#include "serve/accounts/path.h"

#include <cstdlib>
#include <string_view>

#include "base/error.h"

namespace levin::serve::accounts {
namespace {

/// An environment variable that is an absolute path; empty otherwise (as the XDG rules say).
std::string absolute_path_of(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value == '/' ? value : "";
}

}  // namespace

std::string default_accounts_path() {
  const std::string state = absolute_path_of("XDG_STATE_HOME");
  if (!state.empty()) {
    return state + "/levin/accounts.db";
  }
  const std::string home = absolute_path_of("HOME");
  if (!home.empty()) {
    return home + "/.local/state/levin/accounts.db";
  }
  throw base::Error(base::ErrorCode::kInvalidArgument,
                    "neither XDG_STATE_HOME nor HOME names a folder for the accounts; name the "
                    "file with --accounts");
}

}  // namespace levin::serve::accounts
