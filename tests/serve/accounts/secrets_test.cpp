// Secrets: their form, and that only their hash is kept.
#include "serve/accounts/secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>

#include "serve/accounts/books.h"

namespace levin::testing {
namespace {

using serve::accounts::equal_in_constant_time;
using serve::accounts::generate_key;
using serve::accounts::generate_owner_secret;
using serve::accounts::hash_key;
using serve::accounts::key_hint;
using serve::accounts::prefix_salt_of;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

TEST(Secrets, KeysHaveOneFormAndNeverRepeat) {
  std::set<std::string> keys;
  for (int i = 0; i < 1000; ++i) {
    keys.insert(generate_key());
  }
  EXPECT_EQ(keys.size(), 1000U);
  for (const std::string& key : keys) {
    EXPECT_THAT(key, MatchesRegex("sk-levin-[A-Za-z0-9]+"));
    EXPECT_EQ(key.size(), 49U);
  }
}

TEST(Secrets, EveryLetterIsAboutAsLikely) {
  std::array<int, 256> counts{};
  constexpr int kKeys = 1550;  // 62,000 letters: 1,000 of each
  for (int i = 0; i < kKeys; ++i) {
    for (const char letter : generate_key().substr(9)) {
      ++counts[static_cast<unsigned char>(letter)];
    }
  }
  for (const char letter : std::string("AZaz09Mm5")) {
    EXPECT_NEAR(counts[static_cast<unsigned char>(letter)], 1000, 200) << letter;
  }
}

TEST(Secrets, HashIsSha256) {
  const auto hash = hash_key("abc");  // FIPS 180-2, appendix B.1
  EXPECT_EQ(hash[0], 0xBA);
  EXPECT_EQ(hash[1], 0x78);
  EXPECT_EQ(hash[31], 0xAD);
}

TEST(Secrets, ComparisonSeesEveryByte) {
  const auto hash = hash_key("abc");
  EXPECT_TRUE(equal_in_constant_time(hash, hash));
  for (size_t i = 0; i < hash.size(); ++i) {
    auto other = hash;
    other[i] ^= 1;
    EXPECT_FALSE(equal_in_constant_time(hash, other)) << i;
  }
}

TEST(Secrets, SaltsDependOnTheSecretAlone) {
  const auto secret = generate_owner_secret();
  EXPECT_EQ(prefix_salt_of(secret), prefix_salt_of(secret));
  EXPECT_NE(prefix_salt_of(secret), prefix_salt_of(generate_owner_secret()));
  EXPECT_NE(prefix_salt_of(secret), 0U);
}

class StoredSecrets : public AccountsFileTest {};

TEST_F(StoredSecrets, TheFileHoldsNoKey) {
  const std::string secret = create("laptop", pico(1)).secret;
  for (const char* name : {"accounts.db", "accounts.db-wal"}) {
    std::ifstream file(folder_.path(name), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    EXPECT_THAT(bytes, Not(HasSubstr(secret.substr(0, 20)))) << name;
  }
  EXPECT_THAT(secret, ::testing::StartsWith(key_hint(secret)));
  EXPECT_EQ(key_hint(secret).size(), 13U);
}

}  // namespace
}  // namespace levin::testing
