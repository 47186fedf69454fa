// The accounts file: how it is made and opened, and the version of its tables.
#pragma once

#include <string>

#include "serve/accounts/database.h"

namespace levin::serve::accounts {

/// What user_version of the file holds. A file with a higher one is refused.
inline constexpr int64_t kSchemaVersion = 1;

/// Makes the file unless it is there: mode 0600, in folders made with mode 0700, with its tables.
/// Several processes may do so at once. Throws as Database, and Error(kIo) if a folder or the file
/// cannot be made.
void create_accounts_file(const std::string& path);

/// Opens an accounts file; with Access::kWrite in write-ahead mode, each commit flushed to the
/// disk. Warns in the log if other users may read the file. Throws as Database, and
/// Error(kInvalidFile) for a database of another program, Error(kUnsupported) for a newer version.
[[nodiscard]] Database open_accounts_file(const std::string& path, Access access);

}  // namespace levin::serve::accounts
