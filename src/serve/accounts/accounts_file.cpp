#include "serve/accounts/accounts_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

#include "base/descriptor.h"
#include "base/error.h"
#include "base/log.h"

namespace levin::serve::accounts {
namespace {

/// "LvnA": marks the file as ours (pragma application_id).
constexpr int64_t kApplicationId = 0x4C766E41;

// Amounts are 10^-12 USD. Money of a key: granted + topped up = sum of its credits - sum of what
// its days were charged. Reservations belong to a server, which is one opening of the file.
constexpr const char* kTables = R"sql(
CREATE TABLE owners (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  secret BLOB NOT NULL
) STRICT;
CREATE TABLE keys (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  owner_id INTEGER NOT NULL REFERENCES owners (id),
  name TEXT NOT NULL UNIQUE,
  hash BLOB NOT NULL UNIQUE,
  hint TEXT NOT NULL,
  created_unix_s INTEGER NOT NULL,
  revoked_unix_s INTEGER,
  is_metered INTEGER NOT NULL,
  max_concurrent INTEGER NOT NULL,
  tokens_per_minute INTEGER NOT NULL,
  granted_picousd INTEGER NOT NULL DEFAULT 0 CHECK (granted_picousd >= 0),
  topped_up_picousd INTEGER NOT NULL DEFAULT 0 CHECK (topped_up_picousd >= 0)
) STRICT;
CREATE TABLE credits (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  key_id INTEGER NOT NULL REFERENCES keys (id),
  unix_s INTEGER NOT NULL,
  is_granted INTEGER NOT NULL,
  amount_picousd INTEGER NOT NULL CHECK (amount_picousd > 0)
) STRICT;
CREATE TABLE usage_days (
  key_id INTEGER NOT NULL REFERENCES keys (id),
  day INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  cache_hit_tokens INTEGER NOT NULL,
  cache_miss_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  cost_picousd INTEGER NOT NULL,
  charged_picousd INTEGER NOT NULL,
  PRIMARY KEY (key_id, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE servers (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  started_unix_s INTEGER NOT NULL
) STRICT;
CREATE TABLE reservations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  server_id INTEGER NOT NULL REFERENCES servers (id),
  key_id INTEGER NOT NULL REFERENCES keys (id),
  amount_picousd INTEGER NOT NULL CHECK (amount_picousd >= 0)
) STRICT;
CREATE INDEX reservations_of_key ON reservations (key_id);
)sql";

void make_folders(const std::filesystem::path& folder) {
  if (folder.empty() || ::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) {
    return;
  }
  if (errno == ENOENT && folder.has_parent_path() && folder.parent_path() != folder) {
    make_folders(folder.parent_path());
    if (::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) {
      return;
    }
  }
  base::throw_error(base::ErrorCode::kIo, folder.string(), "this folder cannot be made: {}",
                    std::strerror(errno));
}

/// An empty file that only its owner may open, unless one is there.
void make_private_file(const std::string& path) {
  const base::Descriptor file(::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
  if (!file.is_open() && errno != EEXIST) {
    base::throw_error(base::ErrorCode::kIo, path, "cannot be made: {}", std::strerror(errno));
  }
}

bool has_tables(Database& database) {
  return database.query_integer("SELECT count(*) FROM sqlite_schema") > 0;
}

/// Changing to write-ahead mode needs the file alone, and SQLite does not wait for that.
void use_write_ahead_log(Database& database) {
  constexpr int kAttempts = 500;
  constexpr auto kPause = std::chrono::milliseconds(10);
  for (int attempt = 1;; ++attempt) {
    try {
      return database.execute("PRAGMA journal_mode = WAL");
    } catch (const base::Error& error) {
      if (attempt == kAttempts || error.code() != base::ErrorCode::kIo) {
        throw;
      }
    }
    std::this_thread::sleep_for(kPause);
  }
}

void configure(Database& database) {
  use_write_ahead_log(database);
  database.execute("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
}

void require_own_tables(Database& database) {
  if (!has_tables(database)) {
    throw base::Error(base::ErrorCode::kInvalidFile,
                      "is empty; make accounts in it with `levin keys create`", database.path());
  }
  if (database.query_integer("PRAGMA application_id") != kApplicationId) {
    throw base::Error(base::ErrorCode::kInvalidFile,
                      "is a database of another program; name an accounts file", database.path());
  }
  const int64_t version = database.query_integer("PRAGMA user_version");
  if (version > kSchemaVersion) {
    base::throw_error(base::ErrorCode::kUnsupported, database.path(),
                      "has accounts of version {}, and this program knows versions up to {}; use "
                      "a newer levin",
                      version, kSchemaVersion);
  }
}

void warn_if_others_may_read(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && (info.st_mode & 077) != 0) {
    base::log_warning("{}: other users may open the accounts; run `chmod 600` on the file", path);
  }
}

}  // namespace

void create_accounts_file(const std::string& path) {
  make_folders(std::filesystem::path(path).parent_path());
  make_private_file(path);
  Database database(path, Access::kWrite);
  if (has_tables(database)) {
    return;
  }
  configure(database);
  Transaction transaction(database);
  if (has_tables(database)) {
    return;  // another process was faster
  }
  database.execute(kTables);
  database.execute(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}",
                               kApplicationId, kSchemaVersion)
                       .c_str());
  transaction.commit();
}

Database open_accounts_file(const std::string& path, Access access) {
  Database database(path, access);
  require_own_tables(database);
  warn_if_others_may_read(path);
  if (access == Access::kWrite) {
    configure(database);
  }
  return database;
}

}  // namespace levin::serve::accounts
