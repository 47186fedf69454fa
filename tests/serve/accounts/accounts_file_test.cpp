// The file: made private, refused with one sentence when it cannot be used.
#include "serve/accounts/accounts_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <thread>
#include <vector>

#include "base/expect_error.h"
#include "base/file_size_limit.h"
#include "serve/accounts/books.h"
#include "serve/accounts/ledger.h"

namespace levin::testing {
namespace {

using base::ErrorCode;
using serve::accounts::Access;
using serve::accounts::create_accounts_file;
using serve::accounts::Database;
using serve::accounts::open_accounts_file;

mode_t mode_of(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 0777;
}

void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

/// A user whom file modes bind, while it lives: root reads and writes everything.
class WithoutRoot {
 public:
  WithoutRoot() : is_root_(::geteuid() == 0) {
    if (is_root_) {
      EXPECT_EQ(::seteuid(65534), 0);
    }
  }
  ~WithoutRoot() {
    if (is_root_) {
      EXPECT_EQ(::seteuid(0), 0);
    }
  }
  WithoutRoot(const WithoutRoot&) = delete;
  WithoutRoot& operator=(const WithoutRoot&) = delete;

 private:
  bool is_root_;
};

TEST(NewAccountsFile, IsPrivateInPrivateFolders) {
  const TestFolder folder;
  create_accounts_file(folder.path("state/levin/accounts.db"));
  EXPECT_EQ(mode_of(folder.path("state")), 0700U);
  EXPECT_EQ(mode_of(folder.path("state/levin")), 0700U);
  EXPECT_EQ(mode_of(folder.path("state/levin/accounts.db")), 0600U);
  const serve::accounts::Ledger ledger(folder.path("state/levin/accounts.db"), 0);
  EXPECT_EQ(mode_of(folder.path("state/levin/accounts.db-wal")), 0600U);
  EXPECT_EQ(mode_of(folder.path("state/levin/accounts.db-servers")), 0600U);
}

TEST(NewAccountsFile, MayBeMadeBySeveralAtOnce) {
  const TestFolder folder;
  const std::string path = folder.path("accounts.db");
  std::vector<std::thread> makers;
  for (int i = 0; i < 4; ++i) {
    makers.emplace_back([&path] { create_accounts_file(path); });
  }
  for (std::thread& maker : makers) {
    maker.join();
  }
  Database database = open_accounts_file(path, Access::kWrite);
  EXPECT_TRUE(serve::accounts::list_keys(database).empty());
}

TEST(NewAccountsFile, AFolderThatCannotBeMadeIsNamed) {
  const TestFolder folder;
  write_text(folder.path("file"), "x");
  expect_error([&] { create_accounts_file(folder.path("file/levin/accounts.db")); }, ErrorCode::kIo,
               "file/levin");
}

class AccountsFile : public AccountsFileTest {};

TEST_F(AccountsFile, IsDurableInWriteAheadMode) {
  Database database = open();
  EXPECT_EQ(database.query_integer("PRAGMA synchronous"), 2);  // FULL
  EXPECT_EQ(database.query_integer("SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
}

TEST_F(AccountsFile, IsReadWhileAServerHasItOpen) {
  const serve::accounts::Ledger server(path(), 0);
  (void)create("laptop", pico(5));
  Database reader = open_accounts_file(path(), Access::kRead);
  EXPECT_EQ(serve::accounts::list_keys(reader).size(), 1U);
}

TEST(MissingAccountsFile, SaysHowToMakeOne) {
  const TestFolder folder;
  expect_error([&] { (void)open_accounts_file(folder.path("accounts.db"), Access::kRead); },
               ErrorCode::kNotFound, "levin keys create");
}

TEST(ForeignFile, IsRefused) {
  const TestFolder folder;
  expect_error([&] { (void)open_accounts_file(folder.path("."), Access::kRead); },
               ErrorCode::kInvalidFile, "is no regular file");
  write_text(folder.path("text"), std::string(5000, 'x'));
  expect_error([&] { (void)open_accounts_file(folder.path("text"), Access::kWrite); },
               ErrorCode::kInvalidFile, "is no accounts file");
  expect_error([&] { create_accounts_file(folder.path("text")); }, ErrorCode::kInvalidFile,
               "is no accounts file");
  write_text(folder.path("empty"), "");
  expect_error([&] { (void)open_accounts_file(folder.path("empty"), Access::kWrite); },
               ErrorCode::kInvalidFile, "is empty");
  Database(folder.path("empty"), Access::kWrite).execute("CREATE TABLE cats (name TEXT)");
  expect_error([&] { (void)open_accounts_file(folder.path("empty"), Access::kWrite); },
               ErrorCode::kInvalidFile, "of another program");
}

TEST_F(AccountsFile, OfANewerProgramIsRefused) {
  open().execute("PRAGMA user_version = 99");
  expect_error([this] { (void)open(); }, ErrorCode::kUnsupported, "version 99");
}

TEST_F(AccountsFile, ThatIsDamagedIsRefused) {
  (void)create("laptop", pico(5));
  const auto size_bytes = std::filesystem::file_size(path());
  {
    std::fstream file(path(), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(4096);
    file << std::string(size_bytes - 4096, '\xEE');
  }
  expect_error(
      [this] {
        Database database = open();
        (void)serve::accounts::list_keys(database);
      },
      ErrorCode::kInvalidFile, "is damaged");
}

TEST_F(AccountsFile, OnAFullDiskRefusesAndStaysWhole) {
  const auto key = create("laptop", pico(1'000'000)).key;
  serve::accounts::Ledger ledger(path(), 0);
  const std::optional<int64_t> reservation = ledger.reserve(key.id, pico(100));
  ASSERT_TRUE(reservation.has_value());
  {
    const FileSizeLimit limit(std::filesystem::file_size(path() + "-wal"));
    expect_error(
        [&] {
          for (int i = 0; i < 1000; ++i) {
            (void)ledger.reserve(key.id, pico(1));
          }
        },
        ErrorCode::kIo, "the disk is full");
    expect_error(
        [&] { (void)ledger.settle(key.id, reservation, {.completion_tokens = 1}, pico(60), 0); },
        ErrorCode::kIo, "the disk is full");
  }
  EXPECT_EQ(ledger.settle(key.id, reservation, {.completion_tokens = 1}, pico(60), 0), pico(60));
  expect_books_balance(path());
  EXPECT_EQ(usage().requests, 1);
}

TEST_F(AccountsFile, ThatIsReadOnlyIsReadAndNotWritten) {
  std::filesystem::permissions(folder_.path("."), std::filesystem::perms(0755));
  std::filesystem::permissions(path(), std::filesystem::perms(0444));
  const serve::accounts::Database keeps_the_log_open = open_accounts_file(path(), Access::kRead);
  const WithoutRoot guard;
  expect_error([this] { (void)open_accounts_file(path(), Access::kWrite); }, ErrorCode::kIo,
               "is read-only to this user");
}

TEST_F(AccountsFile, ThatOthersMayNotOpenSaysSo) {
  std::filesystem::permissions(folder_.path("."), std::filesystem::perms(0755));
  std::filesystem::permissions(path(), std::filesystem::perms(0));
  const WithoutRoot guard;
  expect_error([this] { (void)open_accounts_file(path(), Access::kRead); }, ErrorCode::kIo,
               "cannot be opened");
}

class LockedAccountsFileSlow : public AccountsFileTest {};

TEST_F(LockedAccountsFileSlow, IsWaitedForAndThenGivenUp) {
  Database holder = open();
  const serve::accounts::Transaction transaction(holder);
  Database other = open();
  expect_error([&] { const serve::accounts::Transaction second(other); }, ErrorCode::kIo,
               "another process has locked it");
}

}  // namespace
}  // namespace levin::testing
