// Where the accounts file lies unless somebody names another one.
#pragma once

#include <string>

namespace levin::serve::accounts {

/// $XDG_STATE_HOME/levin/accounts.db, or ~/.local/state/levin/accounts.db. Throws
/// Error(kInvalidArgument) if neither XDG_STATE_HOME nor HOME is an absolute path.
[[nodiscard]] std::string default_accounts_path();

}  // namespace levin::serve::accounts
