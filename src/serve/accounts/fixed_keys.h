// Keys that stand in the settings (--api-key): one owner, no accounts, no money.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "serve/accounts/secrets.h"

namespace levin::serve::accounts {

class FixedKeys {
 public:
  explicit FixedKeys(const std::vector<std::string>& keys);

  /// True if there are none.
  [[nodiscard]] bool is_empty() const noexcept { return hashes_.empty(); }

  /// True for an Authorization header "Bearer KEY" with one of the keys. The time it takes does not
  /// depend on how much of a key is right.
  [[nodiscard]] bool is_known(std::string_view authorization) const;

 private:
  std::vector<KeyHash> hashes_;
};

}  // namespace levin::serve::accounts
