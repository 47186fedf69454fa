// SQLite as this module uses it: statements with typed columns, transactions, errors as sentences.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace levin::serve::accounts {

enum class Access {
  kRead,   ///< never writes
  kWrite,  ///< the file must be there and must be writable
};

/// A prepared statement. Bind in the order of the question marks, then step. Belongs to its
/// Database. Every function throws base::Error as Database::execute does.
class Statement {
 public:
  Statement& bind(int64_t value);
  Statement& bind(std::string_view text);
  Statement& bind(std::span<const uint8_t> blob);
  Statement& bind(std::optional<int64_t> value);

  /// True: a row is there. False: done.
  [[nodiscard]] bool step();
  /// For statements without rows.
  void run();

  [[nodiscard]] int64_t integer(int column) const;
  [[nodiscard]] std::optional<int64_t> optional_integer(int column) const;
  [[nodiscard]] std::string text(int column) const;
  /// Copies a blob into `out`; throws Error(kInvalidFile) unless it has exactly that size.
  void blob(int column, std::span<uint8_t> out) const;

 private:
  friend class Database;
  Statement(sqlite3* database, sqlite3_stmt* statement, const std::string* path);
  void require(int status);

  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  sqlite3* database_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  const std::string* path_;
  int next_parameter_ = 1;
};

/// One connection, for one thread at a time. A lock of another process is waited for, 5 s long.
class Database {
 public:
  /// Throws Error(kNotFound) if there is no file, Error(kInvalidFile) if it is no SQLite database
  /// or a damaged one, Error(kIo) if it cannot be read, or written with Access::kWrite.
  Database(std::string path, Access access);

  /// Runs statements without parameters and rows. Throws Error(kIo) for a full disk, a read-only
  /// file and a lock that stays; Error(kInvalidFile) for a damaged file; Error(kInternal) for
  /// statements that SQLite does not accept.
  void execute(const char* sql);
  [[nodiscard]] Statement prepare(std::string_view sql);
  /// The first column of the only row of a query without parameters.
  [[nodiscard]] int64_t query_integer(std::string_view sql);

  [[nodiscard]] int64_t last_insert_id() const;
  [[nodiscard]] const std::string& path() const { return *path_; }

 private:
  friend class Transaction;
  struct Close {
    void operator()(sqlite3* database) const noexcept;
  };
  std::unique_ptr<std::string> path_;  // at an address that statements keep
  std::unique_ptr<sqlite3, Close> database_;
};

/// Takes the file's write lock at once, so that what is read inside stays true until commit.
/// Undone by the destructor unless committed.
class Transaction {
 public:
  explicit Transaction(Database& database);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  /// Durable when it returns. Throws as Database::execute; the transaction is undone then.
  void commit();

 private:
  Database* database_;
};

}  // namespace levin::serve::accounts
