// The dashboard and the list of the documentation name what is exported, and nothing else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "service_fixture.h"

namespace levin::serve::api {
namespace {

using testing::json;

std::string read_file(const std::string& path) {
  std::ifstream file(std::string(LEVIN_SOURCE_DIR) + "/" + path);
  EXPECT_TRUE(file) << path;
  return (std::stringstream() << file.rdbuf()).str();
}

/// Names and types of the metrics that a server exports which has answered a request.
std::map<std::string, std::string> exported_metrics() {
  const auto connections = [] { return ConnectionCounts{.open = 1}; };
  testing::ServiceFixture fixture({.connections = connections});
  (void)fixture.post("/v1/chat/completions", testing::chat_body());
  std::istringstream text(fixture.ask("GET", "/metrics", "")->body());
  std::map<std::string, std::string> types;
  for (std::string hash, word, name, type; text >> hash;) {
    if (hash == "#" && text >> word && word == "TYPE" && text >> name >> type) {
      types[name] = type;
    }
  }
  return types;
}

std::set<std::string> names_in(const std::string& text) {
  static const std::regex name("levin_[a-z_]+");
  return {std::sregex_token_iterator(text.begin(), text.end(), name), std::sregex_token_iterator()};
}

/// Every "expr" of a dashboard's panels.
void collect_queries(const json& value, std::string& queries) {
  for (const auto& [key, member] : value.items()) {
    if (key == "expr" || key == "query" || key == "definition") {
      queries += (member.is_string() ? member.get<std::string>() : member.dump()) + "\n";
    }
    if (member.is_structured()) {
      collect_queries(member, queries);
    }
  }
}

TEST(Dashboard, AsksForExportedMetricsAlone) {
  const auto exported = exported_metrics();
  std::string queries;
  collect_queries(json::parse(read_file("packaging/grafana-dashboard.json")), queries);
  const std::set<std::string> asked = names_in(queries);
  EXPECT_GE(asked.size(), 15U);
  static const std::regex series("_(bucket|sum|count)$");
  for (const std::string& name : asked) {
    const std::string base = std::regex_replace(name, series, "");
    const auto found = exported.find(exported.contains(name) ? name : base);
    ASSERT_NE(found, exported.end()) << name;
    EXPECT_EQ(found->second == "histogram", base != name) << name;
  }
}

TEST(Metrics, AreAllInTheDocumentation) {
  std::set<std::string> exported;
  for (const auto& [name, type] : exported_metrics()) {
    exported.insert(name);
  }
  const std::string page = read_file("docs/api.md");
  EXPECT_EQ(names_in(page.substr(page.find("## GET metrics"))), exported);
}

}  // namespace
}  // namespace levin::serve::api
