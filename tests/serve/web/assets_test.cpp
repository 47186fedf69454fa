// The chat page inside the program.
#include "serve/web/assets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <regex>
#include <string>

namespace levin::serve::web {
namespace {

std::string read_built(const std::string& path) {
  std::ifstream file(std::string(LEVIN_SOURCE_DIR) + "/web/dist" + path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(WebAssets, TheRootIsThePage) {
  const auto page = find_web_asset("/");
  ASSERT_TRUE(page.has_value());
  EXPECT_EQ(page->bytes, read_built("/index.html"));
  EXPECT_EQ(page->content_type, "text/html; charset=utf-8");
  EXPECT_EQ(page->cache_control, "no-cache");
  EXPECT_EQ(page->bytes, find_web_asset("/index.html")->bytes);
}

TEST(WebAssets, EveryFileThatThePageNamesIsThere) {
  const std::string page(find_web_asset("/")->bytes);
  const std::regex reference(R"re((?:src|href)="\./([^"]+)")re");
  int files = 0;
  for (std::sregex_iterator it(page.begin(), page.end(), reference), end; it != end; ++it) {
    const std::string path = "/" + (*it)[1].str();
    const auto asset = find_web_asset(path);
    ASSERT_TRUE(asset.has_value()) << path;
    EXPECT_EQ(asset->bytes, read_built(path)) << path;
    ++files;
  }
  EXPECT_GE(files, 3);
}

TEST(WebAssets, NamesWithAHashAreCachedForever) {
  const std::string page(find_web_asset("/")->bytes);
  std::smatch script;
  ASSERT_TRUE(std::regex_search(page, script, std::regex(R"re(src="\.(/assets/[^"]+\.js)")re")));
  const auto asset = find_web_asset(script[1].str());
  ASSERT_TRUE(asset.has_value());
  EXPECT_EQ(asset->content_type, "text/javascript; charset=utf-8");
  EXPECT_THAT(std::string(asset->cache_control), testing::HasSubstr("immutable"));
}

TEST(WebAssets, AnEtagIsQuotedAndBelongsToOneContent) {
  const std::string page(find_web_asset("/")->etag);
  const std::string icon(find_web_asset("/favicon.svg")->etag);
  EXPECT_THAT(page, testing::MatchesRegex("\"[0-9a-f]{32}\""));
  EXPECT_NE(page, icon);
}

TEST(WebAssets, OtherPathsAreNotThere) {
  for (const char* path : {"", "/missing", "/assets/", "/../CMakeLists.txt", "//index.html",
                           "index.html", "/index.html/"}) {
    EXPECT_FALSE(find_web_asset(path).has_value()) << path;
  }
}

TEST(WebAssets, ThePageNeedsNothingThatItsPolicyForbids) {
  const std::string page(find_web_asset("/")->bytes);
  EXPECT_THAT(page, testing::Not(testing::HasSubstr("<style")));
  EXPECT_THAT(page, testing::Not(testing::HasSubstr("style=")));
  EXPECT_THAT(page, testing::Not(testing::ContainsRegex("<script[^>]*>[^<]")));
  EXPECT_THAT(page, testing::Not(testing::HasSubstr("://")));
  EXPECT_THAT(std::string(content_security_policy()),
              testing::Not(testing::HasSubstr("unsafe-inline")));
}

}  // namespace
}  // namespace levin::serve::web
