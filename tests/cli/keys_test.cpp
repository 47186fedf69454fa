// levin keys: keys, balances and usage through the program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/levin_process.h"

namespace levin::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

class Keys : public ::testing::Test {
 protected:
  Keys() { EXPECT_NE(::mkdtemp(folder_.data()), nullptr); }
  ~Keys() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Keys(const Keys&) = delete;
  Keys& operator=(const Keys&) = delete;

  [[nodiscard]] std::string path() const { return folder_ + "/accounts.db"; }

  [[nodiscard]] ProcessResult keys(std::vector<std::string> args,
                                   const ProcessOptions& options = {}) const {
    args.insert(args.begin(), "keys");
    args.insert(args.end(), {"--accounts", path()});
    return run_levin(args, {}, options);
  }
  [[nodiscard]] json keys_json(std::vector<std::string> args) const {
    args.emplace_back("--json");
    const ProcessResult result = keys(std::move(args));
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return json::parse(result.out);
  }

  std::string folder_ = ::testing::TempDir() + "levin_keys_XXXXXX";
};

TEST_F(Keys, CreatePrintsTheKeyAlone) {
  const ProcessResult result = keys({"create", "laptop", "--topup", "10"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, MatchesRegex("sk-levin-[A-Za-z0-9]+\n"));
  EXPECT_THAT(result.err, HasSubstr("it is shown once"));
  struct stat info {};
  ASSERT_EQ(::stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST_F(Keys, AKeyWithoutMoneyComesWithAHint) {
  EXPECT_THAT(keys({"create", "a"}).err, HasSubstr("levin keys topup a 10"));
  EXPECT_THAT(keys({"create", "b", "--unmetered"}).err, Not(HasSubstr("topup")));
}

TEST_F(Keys, ListShowsWhatWasMadeAndNoSecret) {
  const json created = keys_json({"create", "laptop", "--owner", "zoe", "--topup", "10",
                                  "--granted", "0.5", "--max-concurrent", "4"});
  EXPECT_EQ(created.at("balance").at("total_balance"), "10.50");
  const std::string secret = created.at("key");
  const json listed = keys_json({"list"});
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].at("name"), "laptop");
  EXPECT_EQ(listed[0].at("owner"), "zoe");
  EXPECT_EQ(listed[0].at("max_concurrent"), 4);
  EXPECT_EQ(listed[0].at("tokens_per_minute"), 0);
  EXPECT_EQ(listed[0].at("balance").at("granted_balance"), "0.50");
  EXPECT_EQ(listed[0].at("revoked"), nullptr);
  EXPECT_THAT(listed.dump(), Not(HasSubstr(secret)));
  EXPECT_THAT(secret, StartsWith(listed[0].at("hint").get<std::string>()));
  EXPECT_THAT(keys({"list"}).out, HasSubstr("4 at once"));
}

TEST_F(Keys, TopupAddsExactly) {
  (void)keys({"create", "a", "--topup", "0.1"});
  (void)keys({"topup", "a", "0.2"});
  const json balance = keys_json({"topup", "a", "0.000000000001", "--granted"});
  EXPECT_EQ(balance.at("total_balance"), "0.300000000001");
  EXPECT_EQ(balance.at("granted_balance"), "0.000000000001");
  EXPECT_EQ(balance.at("topped_up_balance"), "0.30");
}

TEST_F(Keys, RevokeIsSeenInTheListAndDoneOnce) {
  (void)keys({"create", "a"});
  EXPECT_EQ(keys({"revoke", "a"}).exit_code, 0);
  EXPECT_TRUE(keys_json({"list"})[0].at("revoked").is_number());
  EXPECT_THAT(keys({"revoke", "a"}).err, HasSubstr("was revoked before"));
}

TEST_F(Keys, UsageOfAFileWithoutRequestsIsEmpty) {
  (void)keys({"create", "a"});
  const json usage = keys_json({"usage", "a", "--since", "2025-09-29"});
  EXPECT_TRUE(usage.at("days").empty());
  EXPECT_EQ(usage.at("total").at("cost_usd"), "0.00");
  EXPECT_THAT(keys({"usage"}).out, HasSubstr("total"));
}

TEST_F(Keys, BadInputIsOneSentence) {
  (void)keys({"create", "a"});
  const struct {
    std::vector<std::string> args;
    int exit_code;
    const char* message;
  } cases[] = {
      {{"create", "a"}, 2, "a key of that name was made before"},
      {{"create", "a b"}, 2, "is no name"},
      {{"create", "b", "--topup", "ten"}, 2, "--topup: \"ten\" is no amount in USD"},
      {{"create", "b", "--granted", "-1"}, 2, "--granted: \"-1\" is no amount"},
      {{"create", "b", "--max-concurrent", "-1"}, 2, "--max-concurrent: a whole number"},
      {{"create", "b", "--unmetered", "--topup", "1"}, 2, "needs no money"},
      {{"topup", "a", "0"}, 2, "must be above zero"},
      {{"topup", "a", "99999999999999999999"}, 2, "beyond 9.2 million"},
      {{"topup", "nobody", "1"}, 4, "nobody: there is no key of that name"},
      {{"revoke", "nobody"}, 4, "there is no key of that name"},
      {{"usage", "--since", "yesterday"}, 2, "--since: \"yesterday\" is no date"},
      {{"create"}, 2, "NAME is required"},
  };
  for (const auto& wrong : cases) {
    const ProcessResult result = keys(wrong.args);
    EXPECT_EQ(result.exit_code, wrong.exit_code) << result.err;
    EXPECT_THAT(result.err, StartsWith("levin: error: "));
    EXPECT_THAT(result.err, HasSubstr(wrong.message));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
  EXPECT_EQ(keys_json({"list"}).size(), 1U);
}

TEST_F(Keys, FilesThatCannotBeUsedAreOneSentence) {
  const ProcessResult missing = keys({"list"});
  EXPECT_EQ(missing.exit_code, 4);
  EXPECT_THAT(missing.err, HasSubstr("make one with `levin keys create`"));
  std::ofstream(path()) << std::string(5000, 'x');
  const ProcessResult foreign = keys({"create", "a"});
  EXPECT_EQ(foreign.exit_code, 3);
  EXPECT_THAT(foreign.err, HasSubstr("is no accounts file"));
}

TEST_F(Keys, AFullDiskIsOneSentenceAndLosesNothing) {
  (void)keys({"create", "a", "--topup", "1"});
  const ProcessResult result = keys({"topup", "a", "1"}, {.file_size_bytes = 4096});
  EXPECT_EQ(result.exit_code, 6);
  EXPECT_THAT(result.err, HasSubstr("the disk is full"));
  EXPECT_EQ(keys_json({"list"})[0].at("balance").at("total_balance"), "1.00");
}

}  // namespace
}  // namespace levin::testing
