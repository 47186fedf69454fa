#include "serve/accounts/secrets.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <span>

#include "base/error.h"

namespace levin::serve::accounts {
namespace {

constexpr std::string_view kKeyStart = "sk-levin-";
constexpr std::string_view kKeyLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
constexpr size_t kKeyRandomLetters = 40;
constexpr size_t kHintLetters = 4;
constexpr std::string_view kSaltPurpose = "levin prefix salt";

void fill_randomly(std::span<uint8_t> bytes) {
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    throw base::Error(base::ErrorCode::kInternal, "the system's random generator failed");
  }
}

}  // namespace

std::string generate_key() {
  // Bytes from the last, incomplete round of the alphabet are dropped: every letter is as likely.
  constexpr size_t kUsable = 256 / kKeyLetters.size() * kKeyLetters.size();
  std::string key(kKeyStart);
  std::array<uint8_t, 64> bytes{};
  while (key.size() < kKeyStart.size() + kKeyRandomLetters) {
    fill_randomly(bytes);
    for (const uint8_t byte : bytes) {
      if (byte < kUsable && key.size() < kKeyStart.size() + kKeyRandomLetters) {
        key += kKeyLetters[byte % kKeyLetters.size()];
      }
    }
  }
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return key;
}

std::string key_hint(std::string_view key) {
  return std::string(key.substr(0, kKeyStart.size() + kHintLetters));
}

std::string_view bearer_secret(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  const bool is_bearer =
      authorization.size() > kScheme.size() &&
      std::equal(kScheme.begin(), kScheme.end(), authorization.begin(), [](char a, char b) {
        return a == static_cast<char>(std::tolower(static_cast<unsigned char>(b)));
      });
  if (!is_bearer) {
    return {};
  }
  std::string_view secret = authorization.substr(kScheme.size());
  while (secret.starts_with(' ')) {
    secret.remove_prefix(1);
  }
  while (secret.ends_with(' ')) {
    secret.remove_suffix(1);
  }
  return secret;
}

KeyHash hash_key(std::string_view key) {
  KeyHash hash{};
  unsigned int size = 0;
  LEVIN_CHECK(EVP_Digest(key.data(), key.size(), hash.data(), &size, EVP_sha256(), nullptr) == 1 &&
              size == hash.size());
  return hash;
}

bool equal_in_constant_time(const KeyHash& a, const KeyHash& b) {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

OwnerSecret generate_owner_secret() {
  OwnerSecret secret{};
  fill_randomly(secret);
  return secret;
}

uint64_t prefix_salt_of(const OwnerSecret& secret) {
  std::array<uint8_t, EVP_MAX_MD_SIZE> code{};
  unsigned int size = 0;
  const unsigned char* written = HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
                                      reinterpret_cast<const unsigned char*>(kSaltPurpose.data()),
                                      kSaltPurpose.size(), code.data(), &size);
  uint64_t salt = 0;
  LEVIN_CHECK(written != nullptr && size >= sizeof(salt));
  std::memcpy(&salt, code.data(), sizeof(salt));
  return salt == 0 ? 1 : salt;
}

}  // namespace levin::serve::accounts
