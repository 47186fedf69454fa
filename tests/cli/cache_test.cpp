// --cache of levin ask and chat, and levin cache: a document that was read once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/levin_process.h"
#include "formats/temporary_folder.h"
#include "runtime/disk_pages.h"
#include "serve/accounts/accounts_file.h"
#include "serve/accounts/key_store.h"

namespace levin::testing {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using runtime::DiskCache;
using runtime::testing::chain_of;
using runtime::testing::keep_all;
using runtime::testing::options_in;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// `levin ask` about the document, with more options.
ProcessResult ask(std::vector<std::string> options, const ProcessOptions& process = {}) {
  std::vector<std::string> words = {"ask", mini_model(), short_question().question, "--file", "-"};
  words.insert(words.end(), options.begin(), options.end());
  return run_levin(words, short_document(), process);
}

json ask_json(const std::vector<std::string>& options) {
  std::vector<std::string> words = options;
  words.emplace_back("--json");
  const ProcessResult result = ask(words);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return json::parse(result.out);
}

json run_json(const std::vector<std::string>& words) {
  const ProcessResult result = run_levin(words);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return json::parse(result.out);
}

TEST(AskCache, ADocumentReadOnceIsRestoredTheNextTime) {
  const TemporaryFolder folder;
  const json plain = ask_json({});
  const json first = ask_json({"--cache", folder.path()});
  const json second = ask_json({"--cache", folder.path()});
  EXPECT_EQ(first.at("text"), plain.at("text"));
  EXPECT_EQ(second.at("text"), plain.at("text"));
  EXPECT_EQ(second.at("tokens"), plain.at("tokens"));
  EXPECT_EQ(plain.at("cached_prompt_tokens"), 0);
  EXPECT_EQ(first.at("cached_prompt_tokens"), 0);
  const auto prompt_tokens = second.at("prompt_tokens").get<int64_t>();
  EXPECT_EQ(second.at("cached_prompt_tokens"), (prompt_tokens - 1) / 64 * 64);
  EXPECT_EQ(second.at("restored_prompt_tokens"), second.at("cached_prompt_tokens"));
}

TEST(AskCache, TheSummarySaysHowMuchCameFromWhere) {
  const TemporaryFolder folder;
  EXPECT_THAT(ask({"--cache", folder.path()}).err, Not(HasSubstr("from cache")));
  const ProcessResult second = ask({"--cache", folder.path()});
  EXPECT_THAT(second.err, ::testing::ContainsRegex(
                              "tokens in \\([0-9]+ from cache, [0-9]+ of them from disk\\)"));
}

TEST(AskCache, AFlippedBitIsAMissAndNoOtherAnswer) {
  const TemporaryFolder folder;
  const json first = ask_json({"--cache", folder.path()});
  const std::string segments = runtime::segment_folder_path(folder.path());
  for (const runtime::PageKey& key : runtime::list_segments(segments)) {
    runtime::testing::flip_bit(runtime::segment_path(segments, key), 5000, 3);
  }
  const json second = ask_json({"--cache", folder.path()});
  EXPECT_EQ(second.at("cached_prompt_tokens"), 0);
  EXPECT_EQ(second.at("tokens"), first.at("tokens"));
}

TEST(AskCache, AFullDiskCostsTheCacheAndNotTheAnswer) {
  const TemporaryFolder folder;
  const ProcessResult plain = ask({});
  const ProcessResult full = ask({"--cache", folder.path()}, {.file_size_bytes = 60'000});
  EXPECT_EQ(full.exit_code, 0);
  EXPECT_EQ(full.out, plain.out);
  EXPECT_THAT(full.err, HasSubstr("the cache on disk is off from now on"));
  EXPECT_EQ(runtime::testing::bytes_on_disk(folder), 0) << "nothing unfinished is left";
}

TEST(AskCache, AFolderInUseCostsTheCacheAndNotTheAnswer) {
  const TemporaryFolder folder;
  const DiskCache server(options_in(folder));
  const ProcessResult result = ask({"--cache", folder.path()});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, ask({}).out);
  EXPECT_THAT(result.err, HasSubstr("another process uses this cache folder"));
}

TEST(AskCache, TheFolderStaysWithinItsSize) {
  const TemporaryFolder folder;
  const json answer = ask_json({"--cache", folder.path(), "--cache-size", "1"});
  ASSERT_GT(answer.at("prompt_tokens"), 0);
  EXPECT_GT(runtime::testing::bytes_on_disk(folder), 0);
  EXPECT_LE(runtime::testing::bytes_on_disk(folder), 1 << 20);
}

TEST(AskCache, BadOptionsAreUsageErrors) {
  EXPECT_EQ(ask({"--cache-size", "5"}).exit_code, 2);
  EXPECT_THAT(ask({"--cache-size", "5"}).err, HasSubstr("--cache"));
  EXPECT_THAT(ask({"--cache", "x", "--cache-size", "0"}).err, HasSubstr("--cache-size: a whole"));
  EXPECT_THAT(ask({"--cache", ""}).err, HasSubstr("--cache: is empty"));
}

TEST(ChatCache, AConversationBeginsWhereAnEarlierOneWasRead) {
  const TemporaryFolder folder;
  const std::vector<std::string> words = {"chat",    mini_model(),  "--system", short_document(),
                                          "--cache", folder.path(), "--seed",   "1"};
  const std::string input = short_question().question + "\n/stats\n";
  const ProcessResult first = run_levin(words, input);
  const ProcessResult second = run_levin(words, input);
  EXPECT_THAT(first.out, Not(HasSubstr("from cache")));
  EXPECT_THAT(second.out, HasSubstr("of them from disk"));
  EXPECT_EQ(first.out.substr(0, first.out.find('\n')), second.out.substr(0, second.out.find('\n')))
      << "the answer";
}

/// A cache folder with pages of two keys' owners and of nobody, and the accounts that name them.
class CacheCommand : public ::testing::Test {
 protected:
  CacheCommand() {
    (void)run_levin({"keys", "create", "laptop", "--owner", "zoe", "--accounts", accounts()});
    (void)run_levin({"keys", "create", "phone", "--owner", "zoe", "--accounts", accounts()});
    (void)run_levin({"keys", "create", "other", "--accounts", accounts()});
    DiskCache cache(options_in(folder_));
    keep_all(cache, chain_of(salt_of("laptop"), 5));
    keep_all(cache, chain_of(salt_of("other"), 3));
    keep_all(cache, chain_of(0, 2));
  }

  [[nodiscard]] std::string accounts() const { return folder_.file("accounts.db"); }
  [[nodiscard]] uint64_t salt_of(const std::string& key) const {
    auto database = serve::accounts::open_accounts_file(accounts(), serve::accounts::Access::kRead);
    return serve::accounts::get_key(database, key).prefix_salt;
  }
  [[nodiscard]] std::vector<std::string> words(std::vector<std::string> more) const {
    more.insert(more.begin(), "cache");
    more.insert(more.end(), {"--dir", folder_.path(), "--accounts", accounts()});
    return more;
  }
  /// Pages of an owner by the report of stats; null: requests without a key.
  [[nodiscard]] int64_t pages_of(const json& owner) const {
    const json stats = run_json(words({"stats", "--json"}));
    for (const json& row : stats.at("owners")) {
      if (row.at("owner") == owner) {
        return row.at("pages");
      }
    }
    return 0;
  }

  TemporaryFolder folder_;
};

TEST_F(CacheCommand, StatsTellPagesTokensBytesAndWhoseTheyAre) {
  const json stats = run_json(words({"stats", "--json"}));
  EXPECT_EQ(stats.at("folder"), folder_.path());
  EXPECT_EQ(stats.at("is_in_use"), false);
  EXPECT_EQ(stats.at("pages"), 10);
  EXPECT_EQ(stats.at("tokens"), 640);
  EXPECT_EQ(stats.at("bytes"), runtime::testing::bytes_on_disk(folder_));
  EXPECT_GT(stats.at("last_used_unix_s"), 0);
  EXPECT_EQ(stats.at("owners").size(), 3U);
  EXPECT_EQ(pages_of("zoe"), 5);
  EXPECT_EQ(pages_of("other"), 3);
  EXPECT_EQ(pages_of(nullptr), 2);
}

TEST_F(CacheCommand, StatsAreATableForPeople) {
  const ProcessResult result = run_levin(words({"stats"}));
  EXPECT_THAT(result.out, StartsWith(folder_.path() + ": not in use\n"));
  EXPECT_THAT(result.out, ::testing::ContainsRegex("zoe +5 +320 "));
  EXPECT_THAT(result.out, ::testing::ContainsRegex("without a key +2 +128 "));
  EXPECT_THAT(result.out, ::testing::ContainsRegex("total +10 +640 "));
}

TEST_F(CacheCommand, StatsWorkBesideTheProcessThatUsesTheFolder) {
  DiskCache server(options_in(folder_));
  keep_all(server, chain_of(0, 4));
  ASSERT_TRUE(server.flush(10s));
  EXPECT_EQ(pages_of(nullptr), 4);
  EXPECT_EQ(run_json(words({"stats", "--json"})).at("is_in_use"), true);
  EXPECT_THAT(run_levin(words({"stats"})).out, HasSubstr(": in use by a running levin\n"));
  EXPECT_TRUE(server.stats().is_on);
}

TEST_F(CacheCommand, PurgeOfAKeyTakesThePagesOfItsOwnerAlone) {
  const ProcessResult result = run_levin(words({"purge", "--key", "phone"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, StartsWith(folder_.path() + ": removed 5 pages, "));
  EXPECT_EQ(pages_of("zoe"), 0);
  EXPECT_EQ(pages_of("other"), 3);
  EXPECT_EQ(pages_of(nullptr), 2);
}

TEST_F(CacheCommand, PurgeWithoutAKeyTakesEverything) {
  EXPECT_EQ(run_json(words({"purge", "--json"})).at("pages"), 10);
  EXPECT_EQ(run_json(words({"stats", "--json"})).at("pages"), 0);
  EXPECT_EQ(runtime::testing::bytes_on_disk(folder_), 0);
}

TEST_F(CacheCommand, PurgeIsRefusedWhileAProcessUsesTheFolder) {
  const DiskCache server(options_in(folder_));
  const ProcessResult result = run_levin(words({"purge"}));
  EXPECT_EQ(result.exit_code, 6);
  EXPECT_THAT(result.err, HasSubstr("a running levin uses this cache folder"));
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  EXPECT_EQ(run_json(words({"stats", "--json"})).at("pages"), 10);
}

TEST_F(CacheCommand, BadInputIsOneSentence) {
  const struct {
    std::vector<std::string> words;
    int exit_code;
    const char* message;
  } cases[] = {
      {words({"purge", "--key", "nobody"}), 4, "there is no key of that name"},
      {words({"purge", "--key", ""}), 2, "--key: is empty"},
      {{"cache", "stats", "--dir", "/nowhere"}, 4, "/nowhere: there is no prefix cache"},
      {{"cache", "purge", "--dir", "/nowhere"}, 4, "/nowhere: there is no prefix cache"},
      {{"cache", "purge", "--key", "a", "--dir", folder_.path(), "--accounts", "/nowhere"},
       4,
       "/nowhere"},
      {{"cache"}, 2, "subcommand"},
  };
  for (const auto& wrong : cases) {
    const ProcessResult result = run_levin(wrong.words);
    EXPECT_EQ(result.exit_code, wrong.exit_code) << result.err;
    EXPECT_THAT(result.err, StartsWith("levin: error: "));
    EXPECT_THAT(result.err, HasSubstr(wrong.message));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
  EXPECT_EQ(run_json(words({"stats", "--json"})).at("pages"), 10);
}

}  // namespace
}  // namespace levin::testing
