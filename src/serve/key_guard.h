// Keys that stand in the settings (--api-key): one owner, no accounts, no money.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "serve/http/exchange.h"

namespace levin::serve {

class KeyGuard {
 public:
  explicit KeyGuard(const std::vector<std::string>& keys);

  /// True for an Authorization header "Bearer KEY" with one of the keys. The time it takes does not
  /// depend on how much of a key is right.
  [[nodiscard]] bool is_known(std::string_view authorization) const;

  /// A handler that answers 401 to requests without a key and calls `inner` for others.
  [[nodiscard]] http::Handler guard(http::Handler inner) const;

 private:
  using Digest = std::array<unsigned char, 32>;

  std::vector<Digest> digests_;  // SHA-256 of each key
};

}  // namespace levin::serve
