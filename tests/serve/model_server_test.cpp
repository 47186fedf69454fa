// A server that listens before it has a model.
#include "serve/model_server.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/mini_model.h"
#include "serve/http/raw_client.h"

namespace levin::serve {
namespace {

using levin::testing::mini_model;

class ModelServerTest : public ::testing::Test {
 protected:
  ModelServerTest() : server_(config()) {}

  static ServerConfig config() {
    ServerConfig config;
    config.port = 0;
    config.drain_seconds = 0;
    return config;
  }
  std::string exchange(const std::string& bytes) { return exchange(bytes, server_); }
  static std::string exchange(const std::string& bytes, const ModelServer& server) {
    const std::string url = server.url();
    http::RawClient client(static_cast<uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
    client.send(bytes);
    return client.read_response();
  }
  void serve_mini() { serve_mini(server_); }
  static void serve_mini(ModelServer& server) {
    runtime::EngineOptions options;
    options.threads = 1;
    options.context_tokens = 256;
    server.serve(runtime::Engine::load(mini_model(), options), mini_model());
  }

  ModelServer server_;
};

TEST_F(ModelServerTest, IsHealthyButNotReadyWhileTheModelLoads) {
  EXPECT_EQ(http::status_of(exchange(http::get("/health"))), 200);
  EXPECT_EQ(http::status_of(exchange(http::get("/"))), 503);
  const std::string ready = exchange(http::get("/ready"));
  EXPECT_EQ(http::status_of(ready), 503);
  EXPECT_FALSE(http::header_of(ready, "Retry-After").empty());
  const std::string refusal = exchange(http::post("/v1/chat/completions", "{}"));
  EXPECT_EQ(http::status_of(refusal), 503);
  EXPECT_NE(refusal.find("still being loaded"), std::string::npos);
}

TEST_F(ModelServerTest, AnswersOnceItHasAModel) {
  serve_mini();
  EXPECT_EQ(http::status_of(exchange(http::get("/health"))), 200);
  EXPECT_EQ(http::status_of(exchange(http::get("/ready"))), 200);
  EXPECT_EQ(http::status_of(exchange(http::get("/"))), 200);
  EXPECT_EQ(http::status_of(exchange(http::get("/v1/models"))), 200);
  EXPECT_NE(exchange(http::get("/metrics")).find("\nlevin_http_connections 1\n"),
            std::string::npos);
}

TEST_F(ModelServerTest, SaysOfUnknownPathsThatTheyAreNotThere) {
  serve_mini();
  for (const char* path : {"/v1/embeddings", "/nothing/of/the/kind"}) {
    EXPECT_EQ(http::status_of(exchange(http::post(path, "{}"))), 404) << path;
    EXPECT_EQ(http::status_of(exchange(http::get(path))), 404) << path;
  }
  const std::string wrong_method = exchange(http::get("/v1/chat/completions"));
  EXPECT_EQ(http::status_of(wrong_method), 405);
  EXPECT_EQ(http::header_of(wrong_method, "Allow"), "POST");
}

TEST_F(ModelServerTest, EndsAnAnswerThatOutlivesTheDrainWithAReason) {
  serve_mini();
  const std::string url = server_.url();
  http::RawClient client(static_cast<uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
  client.send(http::post("/v1/completions", R"({"model":"mini","prompt":"She","max_tokens":250,)"
                                            R"("stream":true})"));
  EXPECT_NE(client.read_until("\"choices\"").find("\"choices\""), std::string::npos);
  EXPECT_EQ(server_.drain(), 1) << "the answer, but not its connection";
  const std::string rest = client.read_all();
  EXPECT_NE(rest.find("\"finish_reason\":\"insufficient_system_resource\""), std::string::npos);
  EXPECT_NE(rest.find("\"usage\""), std::string::npos);
  EXPECT_NE(rest.find("data: [DONE]"), std::string::npos);
}

TEST_F(ModelServerTest, WithAKeyOfTheSettingsMetricsStayOpenToThisMachine) {
  ServerConfig settings = config();
  settings.api_keys = {"open sesame"};
  ModelServer guarded(settings);
  serve_mini(guarded);
  EXPECT_EQ(http::status_of(exchange(http::get("/metrics"), guarded)), 200);
  EXPECT_EQ(http::status_of(exchange(http::get("/"), guarded)), 200);
  const std::string refused = exchange(http::get("/v1/models"), guarded);
  EXPECT_EQ(http::status_of(refused), 401);
  EXPECT_EQ(http::header_of(refused, "WWW-Authenticate"), "Bearer");
  const std::string headers = "Authorization: Bearer open sesame\r\n";
  EXPECT_EQ(http::status_of(exchange(http::get("/v1/models", headers), guarded)), 200);
}

TEST_F(ModelServerTest, MayStopBeforeItHasAModel) { EXPECT_EQ(server_.drain(), 0); }

}  // namespace
}  // namespace levin::serve
