// The default place of the accounts file.
#include "serve/accounts/path.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <optional>
#include <string>

#include "base/error.h"

namespace levin::testing {
namespace {

using serve::accounts::default_accounts_path;

/// An environment variable with another value (null: unset) while the object lives.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* before = ::getenv(name); before != nullptr) {
      before_ = before;
    }
    set(value);
  }
  ~Variable() { set(before_.has_value() ? before_->c_str() : nullptr); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  void set(const char* value) const {
    value == nullptr ? ::unsetenv(name_) : ::setenv(name_, value, 1);
  }

  const char* name_;
  std::optional<std::string> before_;
};

TEST(DefaultAccountsPath, FollowsTheXdgRules) {
  const Variable home("HOME", "/home-of-zoe");
  {
    const Variable state("XDG_STATE_HOME", "/state");
    EXPECT_EQ(default_accounts_path(), "/state/levin/accounts.db");
  }
  for (const char* unusable : {static_cast<const char*>(nullptr), "", "relative"}) {
    const Variable state("XDG_STATE_HOME", unusable);
    EXPECT_EQ(default_accounts_path(), "/home-of-zoe/.local/state/levin/accounts.db");
  }
}

TEST(DefaultAccountsPath, NeedsAFolder) {
  const Variable home("HOME", nullptr);
  const Variable state("XDG_STATE_HOME", nullptr);
  EXPECT_THROW((void)default_accounts_path(), base::Error);
}

}  // namespace
}  // namespace levin::testing
