#include "serve/accounts/database.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace levin::serve::accounts {
namespace {

constexpr int kBusyTimeoutMs = 5000;

bool means_no_room(int system_error) {
  return system_error == ENOSPC || system_error == EFBIG || system_error == EDQUOT;
}

/// Turns a failure of SQLite into one sentence.
[[noreturn]] void throw_sqlite_error(sqlite3* database, int status, const std::string& path) {
  using base::ErrorCode;
  // SQLite does not keep the cause of a commit that failed, but leaves it in errno.
  const int last_errno = errno;
  const int kept = database == nullptr ? 0 : sqlite3_system_errno(database);
  const int system_error = kept == 0 ? last_errno : kept;
  switch (status & 0xFF) {
    case SQLITE_NOTADB:
      throw base::Error(ErrorCode::kInvalidFile, "is no accounts file; name another one", path);
    case SQLITE_CORRUPT:
      throw base::Error(ErrorCode::kInvalidFile, "is damaged; put a backup in its place", path);
    case SQLITE_FULL:
      throw base::Error(ErrorCode::kIo, "the disk is full; make room and try again", path);
    case SQLITE_READONLY:
      throw base::Error(ErrorCode::kIo,
                        "is read-only to this user; allow writing to the file and its folder",
                        path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      base::throw_error(ErrorCode::kIo, path,
                        "another process has locked it for more than {} s; try again",
                        kBusyTimeoutMs / 1000);
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      base::throw_error(ErrorCode::kIo, path, "cannot be opened{}{}; check file, folder and user",
                        system_error == 0 ? "" : ": ",
                        system_error == 0 ? "" : std::strerror(system_error));
    case SQLITE_IOERR:
      if (means_no_room(system_error)) {
        throw base::Error(ErrorCode::kIo, "the disk is full; make room and try again", path);
      }
      base::throw_error(ErrorCode::kIo, path, "the disk refused to read or write ({})",
                        system_error == 0 ? sqlite3_errstr(status) : std::strerror(system_error));
    case SQLITE_NOMEM:
      throw base::Error(ErrorCode::kOutOfMemory, "no memory left to work on it", path);
    default:
      base::throw_error(ErrorCode::kInternal, path, "unexpected answer of SQLite: {}",
                        database == nullptr ? sqlite3_errstr(status) : sqlite3_errmsg(database));
  }
}

void require_regular_file(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) {
      throw base::Error(base::ErrorCode::kNotFound,
                        "there is no accounts file; make one with `levin keys create`", path);
    }
    base::throw_error(base::ErrorCode::kIo, path, "cannot be opened: {}", std::strerror(errno));
  }
  if (!S_ISREG(info.st_mode)) {
    throw base::Error(base::ErrorCode::kInvalidFile, "is no regular file; name an accounts file",
                      path);
  }
}

}  // namespace

Statement::Statement(sqlite3* database, sqlite3_stmt* statement, const std::string* path)
    : database_(database), statement_(statement), path_(path) {}

void Statement::Finalize::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}

void Statement::require(int status) {
  if (status != SQLITE_OK) {
    throw_sqlite_error(database_, status, *path_);
  }
}

Statement& Statement::bind(int64_t value) {
  require(sqlite3_bind_int64(statement_.get(), next_parameter_++, value));
  return *this;
}

Statement& Statement::bind(std::string_view text) {
  require(sqlite3_bind_text(statement_.get(), next_parameter_++, text.data(),
                            static_cast<int>(text.size()), SQLITE_TRANSIENT));
  return *this;
}

Statement& Statement::bind(std::span<const uint8_t> blob) {
  require(sqlite3_bind_blob(statement_.get(), next_parameter_++, blob.data(),
                            static_cast<int>(blob.size()), SQLITE_TRANSIENT));
  return *this;
}

Statement& Statement::bind(std::optional<int64_t> value) {
  if (value.has_value()) {
    return bind(*value);
  }
  require(sqlite3_bind_null(statement_.get(), next_parameter_++));
  return *this;
}

bool Statement::step() {
  errno = 0;
  const int status = sqlite3_step(statement_.get());
  if (status == SQLITE_ROW) {
    return true;
  }
  if (status != SQLITE_DONE) {
    throw_sqlite_error(database_, status, *path_);
  }
  return false;
}

void Statement::run() { LEVIN_CHECK(!step()); }

int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::optional<int64_t> Statement::optional_integer(int column) const {
  if (sqlite3_column_type(statement_.get(), column) == SQLITE_NULL) {
    return std::nullopt;
  }
  return integer(column);
}

std::string Statement::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  const int size_bytes = sqlite3_column_bytes(statement_.get(), column);
  return text == nullptr ? std::string() : std::string(text, static_cast<size_t>(size_bytes));
}

void Statement::blob(int column, std::span<uint8_t> out) const {
  const void* bytes = sqlite3_column_blob(statement_.get(), column);
  const auto size_bytes = static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column));
  if (bytes == nullptr || size_bytes != out.size()) {
    base::throw_error(base::ErrorCode::kInvalidFile, *path_,
                      "is damaged: {} bytes expected in a column, got {}; put a backup in its "
                      "place",
                      out.size(), size_bytes);
  }
  std::memcpy(out.data(), bytes, size_bytes);
}

void Database::Close::operator()(sqlite3* database) const noexcept { sqlite3_close_v2(database); }

Database::Database(std::string path, Access access)
    : path_(std::make_unique<std::string>(std::move(path))) {
  require_regular_file(*path_);
  // One thread at a time uses a connection, so SQLite need not lock it.
  const int flags = (access == Access::kRead ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
                    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  sqlite3* opened = nullptr;
  const int status = sqlite3_open_v2(path_->c_str(), &opened, flags, nullptr);
  database_.reset(opened);
  if (status != SQLITE_OK) {
    throw_sqlite_error(opened, status, *path_);
  }
  sqlite3_busy_timeout(opened, kBusyTimeoutMs);
  // Opens the file in earnest: until a first read SQLite only remembers its name.
  (void)query_integer("SELECT count(*) FROM sqlite_schema");
  if (access == Access::kWrite && sqlite3_db_readonly(opened, "main") != 0) {
    throw_sqlite_error(opened, SQLITE_READONLY, *path_);
  }
}

void Database::execute(const char* sql) {
  errno = 0;
  const int status = sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr);
  if (status != SQLITE_OK) {
    throw_sqlite_error(database_.get(), status, *path_);
  }
}

Statement Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int status = sqlite3_prepare_v2(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                        &statement, nullptr);
  if (status != SQLITE_OK) {
    throw_sqlite_error(database_.get(), status, *path_);
  }
  return {database_.get(), statement, path_.get()};
}

int64_t Database::query_integer(std::string_view sql) {
  Statement statement = prepare(sql);
  LEVIN_CHECK(statement.step());
  return statement.integer(0);
}

int64_t Database::last_insert_id() const { return sqlite3_last_insert_rowid(database_.get()); }

Transaction::Transaction(Database& database) : database_(&database) {
  database.execute("BEGIN IMMEDIATE");
}

Transaction::~Transaction() {
  sqlite3* connection = database_->database_.get();
  if (sqlite3_get_autocommit(connection) == 0) {
    sqlite3_exec(connection, "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

void Transaction::commit() { database_->execute("COMMIT"); }

}  // namespace levin::serve::accounts
