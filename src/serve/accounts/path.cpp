#include "serve/accounts/path.h"

#include "base/environment.h"
#include "base/error.h"

namespace levin::serve::accounts {

std::string default_accounts_path() {
  const std::string state = base::absolute_path_of("XDG_STATE_HOME");
  if (!state.empty()) {
    return state + "/levin/accounts.db";
  }
  const std::string home = base::absolute_path_of("HOME");
  if (!home.empty()) {
    return home + "/.local/state/levin/accounts.db";
  }
  throw base::Error(base::ErrorCode::kInvalidArgument,
                    "neither XDG_STATE_HOME nor HOME names a folder for the accounts; name the "
                    "file with --accounts");
}

}  // namespace levin::serve::accounts
