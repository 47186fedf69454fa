#include "serve/accounts/fixed_keys.h"

namespace levin::serve::accounts {

FixedKeys::FixedKeys(const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    hashes_.push_back(hash_key(bearer_secret("Bearer " + key)));  // as a header would bring it
  }
}

bool FixedKeys::is_known(std::string_view authorization) const {
  const std::string_view secret = bearer_secret(authorization);
  if (secret.empty()) {
    return false;
  }
  const KeyHash given = hash_key(secret);
  bool is_known = false;
  for (const KeyHash& hash : hashes_) {
    is_known = equal_in_constant_time(given, hash) || is_known;
  }
  return is_known;
}

}  // namespace levin::serve::accounts
