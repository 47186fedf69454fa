// An accounts file of a test, and what must always hold in it.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "serve/accounts/accounts_file.h"
#include "serve/accounts/key_store.h"
#include "serve/accounts/usage.h"

namespace levin::testing {

/// A folder of its own, removed with the object.
class TestFolder {
 public:
  TestFolder();
  ~TestFolder();
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }

 private:
  std::string folder_;
};

/// Tests with an accounts file without keys at path().
class AccountsFileTest : public ::testing::Test {
 protected:
  AccountsFileTest() { serve::accounts::create_accounts_file(path()); }

  [[nodiscard]] std::string path() const { return folder_.path("accounts.db"); }
  [[nodiscard]] serve::accounts::Database open() const {
    return serve::accounts::open_accounts_file(path(), serve::accounts::Access::kWrite);
  }
  /// A metered key without limits.
  [[nodiscard]] serve::accounts::CreatedKey create(const std::string& name,
                                                   serve::accounts::Money topped_up) const;
  [[nodiscard]] serve::accounts::Balance balance(const std::string& name) const;
  /// Of all days and keys.
  [[nodiscard]] serve::accounts::UsageTotals usage() const;

  TestFolder folder_;
};

/// Credits minus charges make each balance; no balance is negative or reserved beyond what it is.
void expect_books_balance(const std::string& path);

/// 10^-12 USD.
[[nodiscard]] constexpr serve::accounts::Money pico(int64_t picousd) {
  return serve::accounts::Money::from_picousd(picousd);
}

}  // namespace levin::testing
