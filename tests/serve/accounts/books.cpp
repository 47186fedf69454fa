#include "serve/accounts/books.h"

#include <stdlib.h>
#include <unistd.h>

#include <stdexcept>

namespace levin::testing {

using serve::accounts::Access;
using serve::accounts::Database;

namespace {

/// In memory where there is such a place: the tests flush thousands of times, and a flush of a disk
/// takes milliseconds.
std::string folder_template() {
  const bool has_memory = ::access("/dev/shm", W_OK) == 0;
  return (has_memory ? "/dev/shm/" : ::testing::TempDir()) + std::string("levin_accounts_XXXXXX");
}

}  // namespace

TestFolder::TestFolder() : folder_(folder_template()) {
  if (::mkdtemp(folder_.data()) == nullptr) {
    throw std::runtime_error("no folder for the test can be made at " + folder_);
  }
}

TestFolder::~TestFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

serve::accounts::CreatedKey AccountsFileTest::create(const std::string& name,
                                                     serve::accounts::Money topped_up) const {
  Database database = open();
  return serve::accounts::create_key(database, {.name = name, .topped_up = topped_up}, 0);
}

serve::accounts::Balance AccountsFileTest::balance(const std::string& name) const {
  Database database = open();
  return serve::accounts::balance_of(database, serve::accounts::get_key(database, name).id);
}

serve::accounts::UsageTotals AccountsFileTest::usage() const {
  Database database = open();
  serve::accounts::UsageTotals total;
  for (const serve::accounts::UsageDay& day : serve::accounts::list_usage(database, {})) {
    total = total + day.totals;
  }
  return total;
}

void expect_books_balance(const std::string& path) {
  Database database = serve::accounts::open_accounts_file(path, Access::kRead);
  EXPECT_EQ(database.query_integer("SELECT count(*) FROM pragma_integrity_check "
                                   "WHERE integrity_check <> 'ok'"),
            0);
  EXPECT_EQ(
      database.query_integer(
          "SELECT count(*) FROM keys WHERE granted_picousd + topped_up_picousd <> "
          "(SELECT coalesce(sum(amount_picousd), 0) FROM credits WHERE key_id = keys.id) - "
          "(SELECT coalesce(sum(charged_picousd), 0) FROM usage_days WHERE key_id = keys.id)"),
      0)
      << "a balance is not what was credited and charged";
  for (const serve::accounts::KeyWithBalance& entry : serve::accounts::list_keys(database)) {
    EXPECT_GE(entry.balance.available(), serve::accounts::Money()) << entry.key.name;
  }
}

}  // namespace levin::testing
