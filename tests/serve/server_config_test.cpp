#include "serve/server_config.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <set>
#include <string>

#include "base/error.h"
#include "formats/temporary_folder.h"

namespace levin::serve {
namespace {

const char* no_environment(const char* /*name*/) { return nullptr; }
const char* port_in_environment(const char* name) {
  return std::strcmp(name, "LEVIN_PORT") == 0 ? "2000" : nullptr;
}
const char* keys_in_environment(const char* name) {
  return std::strcmp(name, "LEVIN_API_KEYS") == 0 ? "one,two" : nullptr;
}
const char* bad_environment(const char* name) {
  return std::strcmp(name, "LEVIN_PORT") == 0 ? "http" : nullptr;
}

class ServerConfigTest : public ::testing::Test {
 protected:
  std::string file(const std::string& text) const {
    std::string path = folder_.file("levin.json");
    std::ofstream(path) << text;
    return path;
  }
  /// The sentence that reading ends with.
  static std::string failure(const std::string& file, const GivenFlags& flags = {},
                             const char* (*environment)(const char*) = no_environment) {
    try {
      (void)read_config(file, flags, environment);
    } catch (const base::Error& error) {
      return error.what();
    }
    return "";
  }

 private:
  levin::testing::TemporaryFolder folder_;
};

TEST_F(ServerConfigTest, DefaultsToThisMachineAlone) {
  const ServerConfig config = read_config("", {}, no_environment);
  EXPECT_EQ(config.host, "127.0.0.1");
  EXPECT_EQ(config.port, 8080);
  EXPECT_TRUE(config.api_keys.empty());
  EXPECT_NO_THROW(check_config(config, false));
}

TEST_F(ServerConfigTest, CommandLineBeatsEnvironmentBeatsFile) {
  const std::string with_port = file(R"({"port": 1000, "max_body_mib": 7})");
  EXPECT_EQ(read_config(with_port, {}, no_environment).port, 1000);
  EXPECT_EQ(read_config(with_port, {}, port_in_environment).port, 2000);
  const ServerConfig config = read_config(with_port, {{"port", {"3000"}}}, port_in_environment);
  EXPECT_EQ(config.port, 3000);
  EXPECT_EQ(config.max_body_mib, 7);
}

TEST_F(ServerConfigTest, AHigherListReplacesALowerOne) {
  const std::string with_keys = file(R"({"api_keys": ["file"]})");
  EXPECT_EQ(read_config(with_keys, {}, no_environment).api_keys, std::vector<std::string>{"file"});
  EXPECT_EQ(read_config(with_keys, {}, keys_in_environment).api_keys,
            (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(read_config(with_keys, {{"api_keys", {"flag"}}}, keys_in_environment).api_keys,
            std::vector<std::string>{"flag"});
}

TEST_F(ServerConfigTest, TakesEveryKindAndComments) {
  const ServerConfig config =
      read_config(file("{ // for the office\n\"host\": \"::1\", \"log_json\": true, \"ctx\": 4096,"
                       "\"cors_origins\": [\"https://a.example\", \"https://b.example\"]}"),
                  {}, no_environment);
  EXPECT_EQ(config.host, "::1");
  EXPECT_TRUE(config.is_json_log);
  EXPECT_EQ(config.context_tokens, 4096);
  EXPECT_EQ(config.cors_origins.size(), 2U);
}

TEST_F(ServerConfigTest, NamesFileAndKeyOfWhatItCannotUse) {
  const std::string unknown = failure(file(R"({"prot": 1})"));
  EXPECT_NE(unknown.find(".json: unknown key \"prot\""), std::string::npos) << unknown;
  for (const char* text : {R"({"port": "8080"})", R"({"port": 1.5})", R"({"port": null})",
                           R"({"port": [1]})", R"({"port": true})", R"({"port": 65536})"}) {
    const std::string sentence = failure(file(text));
    EXPECT_NE(sentence.find(".json: port: a whole number"), std::string::npos) << sentence;
  }
  EXPECT_NE(failure(file(R"({"api_keys": "k"})")).find("an array of strings expected"),
            std::string::npos);
  EXPECT_NE(failure(file(R"({"insecure": "yes"})")).find("true or false expected"),
            std::string::npos);
  EXPECT_NE(failure(file(R"({"attention": "no"})")).find("auto|dense|sparse expected"),
            std::string::npos);
}

TEST_F(ServerConfigTest, JudgesPricesAtTheStart) {
  EXPECT_EQ(read_config(file(R"({"price_output": 0.42})"), {}, no_environment).price_output,
            "0.42");
  EXPECT_EQ(read_config(file(R"({"price_output": "1"})"), {}, no_environment).price_output, "1");
  EXPECT_NE(failure(file(R"({"price_output": true})")).find("levin.json: price_output: "),
            std::string::npos);
  EXPECT_TRUE(failure("", {{"price_output", {"abc"}}}).starts_with("--price-output: \"abc\""));
  EXPECT_TRUE(failure("", {{"price_cache_hit", {"-1"}}}).starts_with("--price-cache-hit: "));
}

TEST_F(ServerConfigTest, RefusesFilesThatAreNoJsonObject) {
  for (const char* text : {"", "port = 1", "[1]", "{\"port\": 1", "\xFF"}) {
    EXPECT_NE(failure(file(text)), "") << text;
  }
  EXPECT_NE(failure("/nowhere/levin.json"), "");
}

TEST_F(ServerConfigTest, NamesTheFlagOrVariableAtFault) {
  EXPECT_EQ(failure("", {{"port", {"99999"}}}),
            "--port: a whole number from 0 to 65535 expected, got \"99999\"");
  EXPECT_EQ(failure("", {}, bad_environment),
            "LEVIN_PORT: a whole number from 0 to 65535 expected, got \"http\"");
}

TEST_F(ServerConfigTest, WantsAKeyBeyondLoopback) {
  ServerConfig config;
  config.host = "0.0.0.0";
  EXPECT_THROW(check_config(config, false), base::Error);
  EXPECT_NO_THROW(check_config(config, true));
  config.is_insecure = true;
  EXPECT_NO_THROW(check_config(config, false));
  config.is_insecure = false;
  config.api_keys = {"key"};
  EXPECT_NO_THROW(check_config(config, false));
  EXPECT_THROW(check_config(config, true), base::Error);  // two places of keys
}

TEST_F(ServerConfigTest, WantsBothHalvesOfTls) {
  ServerConfig config;
  config.tls_cert = "cert.pem";
  EXPECT_THROW(check_config(config, false), base::Error);
  config.tls_key = "key.pem";
  EXPECT_NO_THROW(check_config(config, false));
}

TEST(LoopbackHost, IsWhatOnlyThisMachineReaches) {
  for (const char* host : {"localhost", "::1", "127.0.0.1", "127.1.2.3"}) {
    EXPECT_TRUE(is_loopback_host(host)) << host;
  }
  for (const char* host : {"0.0.0.0", "::", "192.168.0.1", "127.evil.example", "1270.0.0.1"}) {
    EXPECT_FALSE(is_loopback_host(host)) << host;
  }
}

TEST(Settings, AreAllDocumentedUnderDistinctNames) {
  std::ifstream page(LEVIN_SOURCE_DIR "/docs/service.md");
  const std::string text{std::istreambuf_iterator<char>(page), {}};
  std::set<std::string> names;
  for (const Setting& setting : settings()) {
    EXPECT_TRUE(names.insert(flag_name(setting)).second) << setting.key;
    EXPECT_NE(text.find("| `" + std::string(setting.key) + "` |"), std::string::npos)
        << setting.key << " is missing in docs/service.md";
  }
}

}  // namespace
}  // namespace levin::serve
