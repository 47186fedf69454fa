#include "runtime/segment_index.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cstring>
#include <optional>
#include <utility>

#include "base/descriptor.h"
#include "base/error.h"
#include "base/log.h"

namespace levin::runtime {
namespace {

using base::ErrorCode;

// The table of this program version; another user_version means another table.
constexpr const char* kSchemaVersion = "1";

struct CloseDatabase {
  void operator()(sqlite3* database) const noexcept { sqlite3_close(database); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;

struct FinishStatement {
  void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
};

[[noreturn]] void refuse(sqlite3* database) {
  base::throw_error(ErrorCode::kIo, "cache index", "SQLite says: {}", sqlite3_errmsg(database));
}

void check(int result, sqlite3* database) {
  if (result != SQLITE_OK) {
    refuse(database);
  }
}

void run(sqlite3* database, const char* sql) {
  check(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), database);
}

/// A prepared statement, reset after each use.
class Statement {
 public:
  Statement(sqlite3* database, const char* sql) : database_(database) {
    sqlite3_stmt* made = nullptr;
    check(sqlite3_prepare_v2(database, sql, -1, &made, nullptr), database);
    statement_.reset(made);
  }

  Statement& bind(int place, const PageKey& key) {
    check(sqlite3_bind_blob(statement_.get(), place, key.bytes.data(),
                            static_cast<int>(key.bytes.size()), SQLITE_TRANSIENT),
          database_);
    return *this;
  }
  Statement& bind(int place, int64_t number) {
    check(sqlite3_bind_int64(statement_.get(), place, number), database_);
    return *this;
  }

  /// Runs a statement that returns nothing.
  void execute() {
    const int result = sqlite3_step(statement_.get());
    sqlite3_reset(statement_.get());
    if (result != SQLITE_DONE) {
      refuse(database_);
    }
  }

  /// Rows of (key, owner, depth, bytes, used_us).
  std::vector<IndexedSegment> rows() {
    std::vector<IndexedSegment> found;
    int result = SQLITE_ROW;
    while ((result = sqlite3_step(statement_.get())) == SQLITE_ROW) {
      IndexedSegment& row = found.emplace_back();
      if (sqlite3_column_bytes(statement_.get(), 0) == std::ssize(row.key.bytes)) {
        std::memcpy(row.key.bytes.data(), sqlite3_column_blob(statement_.get(), 0),
                    row.key.bytes.size());
      }
      row.owner = static_cast<uint64_t>(sqlite3_column_int64(statement_.get(), 1));
      row.depth = sqlite3_column_int64(statement_.get(), 2);
      row.bytes = sqlite3_column_int64(statement_.get(), 3);
      row.used_us = sqlite3_column_int64(statement_.get(), 4);
    }
    sqlite3_reset(statement_.get());
    if (result != SQLITE_DONE) {
      refuse(database_);
    }
    return found;
  }

 private:
  sqlite3* database_;
  std::unique_ptr<sqlite3_stmt, FinishStatement> statement_;
};

/// The text of a query that returns one value.
std::string query_text(sqlite3* database, const char* sql) {
  std::string text;
  const auto take = [](void* to, int columns, char** values, char** /*names*/) {
    if (columns > 0 && values[0] != nullptr) {
      *static_cast<std::string*>(to) = values[0];
    }
    return 0;
  };
  check(sqlite3_exec(database, sql, take, &text, nullptr), database);
  return text;
}

/// Nothing if the file is damaged or has another version. Throws Error(kIo) for other failures.
std::optional<Database> try_open(const std::string& path) {
  // SQLite would let others read a file that it makes; what lies beside it gets the same mode.
  (void)base::Descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  sqlite3* made = nullptr;
  const int result =
      sqlite3_open_v2(path.c_str(), &made,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database(made);
  LEVIN_CHECK(made != nullptr);
  check(result, made);
  try {
    run(made, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    const std::string version = query_text(made, "PRAGMA user_version");
    if (version == "0") {
      run(made,
          "BEGIN;"
          "CREATE TABLE segments(key BLOB PRIMARY KEY, owner INTEGER NOT NULL,"
          "  depth INTEGER NOT NULL, bytes INTEGER NOT NULL, used_us INTEGER NOT NULL)"
          "  WITHOUT ROWID;"
          "CREATE INDEX segments_by_use ON segments(used_us, depth DESC);"
          "PRAGMA user_version = 1;"
          "COMMIT");
    } else if (version != kSchemaVersion || query_text(made, "PRAGMA quick_check(1)") != "ok") {
      return std::nullopt;
    }
  } catch (const base::Error&) {
    const int code = sqlite3_errcode(made);
    if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT || code == SQLITE_ERROR) {
      return std::nullopt;
    }
    throw;
  }
  return database;
}

Database open_or_renew(const std::string& path) {
  if (auto database = try_open(path)) {
    return *std::move(database);
  }
  base::log_info("the index {} is damaged or of another version; it is made anew", path);
  for (const char* ending : {"", "-wal", "-shm"}) {
    ::unlink((path + ending).c_str());
  }
  if (auto database = try_open(path)) {
    return *std::move(database);
  }
  base::throw_error(ErrorCode::kIo, path, "a new index cannot be read back");
}

constexpr const char* kSelectAll = "SELECT key, owner, depth, bytes, used_us FROM segments";

std::string index_path(const std::string& folder) { return folder + "/index.sqlite"; }

}  // namespace

struct SegmentIndex::State {
  explicit State(const std::string& path) : database(open_or_renew(path)) {}

  Database database;
  Statement put{database.get(), "INSERT OR REPLACE INTO segments VALUES(?1, ?2, ?3, ?4, ?5)"};
  Statement set_used{database.get(), "UPDATE segments SET used_us = ?2 WHERE key = ?1"};
  Statement erase{database.get(),
                  "DELETE FROM segments WHERE key = ?1 "
                  "RETURNING key, owner, depth, bytes, used_us"};
  Statement all{database.get(), kSelectAll};
  Statement least_used{database.get(),
                       "SELECT key, owner, depth, bytes, used_us FROM segments "
                       "ORDER BY used_us, depth DESC LIMIT ?1"};
};

SegmentIndex::SegmentIndex(const std::string& folder)
    : state_(std::make_unique<State>(index_path(folder))) {}
SegmentIndex::~SegmentIndex() = default;

void SegmentIndex::begin() { run(state_->database.get(), "BEGIN"); }
void SegmentIndex::commit() { run(state_->database.get(), "COMMIT"); }

void SegmentIndex::put(const IndexedSegment& segment) {
  state_->put.bind(1, segment.key)
      .bind(2, static_cast<int64_t>(segment.owner))
      .bind(3, segment.depth)
      .bind(4, segment.bytes)
      .bind(5, segment.used_us)
      .execute();
}

void SegmentIndex::set_used(const PageKey& key, int64_t used_us) {
  state_->set_used.bind(1, key).bind(2, used_us).execute();
}

int64_t SegmentIndex::erase(const PageKey& key) {
  const std::vector<IndexedSegment> erased = state_->erase.bind(1, key).rows();
  return erased.empty() ? 0 : erased.front().bytes;
}

std::vector<IndexedSegment> SegmentIndex::all() { return state_->all.rows(); }

std::vector<IndexedSegment> SegmentIndex::least_used(int64_t count) {
  return state_->least_used.bind(1, count).rows();
}

std::vector<IndexedSegment> read_segment_index(const std::string& folder) {
  constexpr int kBusyMs = 2000;  // another process may be opening or closing it
  sqlite3* made = nullptr;
  const int result = sqlite3_open_v2(index_path(folder).c_str(), &made,
                                     SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nullptr);
  const Database database(made);
  if (result != SQLITE_OK) {
    return {};
  }
  try {
    sqlite3_busy_timeout(made, kBusyMs);
    if (query_text(made, "PRAGMA user_version") != kSchemaVersion) {
      return {};
    }
    return Statement(made, kSelectAll).rows();
  } catch (const base::Error& error) {
    base::log_info("{} cannot be read: {}", index_path(folder), error.what());
    return {};
  }
}

}  // namespace levin::runtime
