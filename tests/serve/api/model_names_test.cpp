// The names of the served model, and what they ask for: thinking, dense attention.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "serve/api/api_error.h"
#include "serve/api/served_model.h"
#include "service_fixture.h"

namespace levin::serve::api {
namespace {

using testing::chat_body;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::json;
using testing::mini_model;
using testing::ResponderPtr;
using testing::ServiceFixture;
using testing::unmarked_folder;

ServedModel served(const std::string& folder, bool is_sparse, const std::string& name = "mini") {
  return load_served_model(
      {.model_dir = folder, .name = name, .context_tokens = 1024, .is_sparse = is_sparse});
}

int status_of(const ServedModel& model, const std::string& name) {
  try {
    (void)resolve_model_name(model, name);
    return 200;
  } catch (const ApiError& error) {
    return error.status();
  }
}

TEST(ModelNames, AreListedWithTheirDenseFormsIfTheModelSelects) {
  EXPECT_THAT(model_names(served(unmarked_folder(), true)),
              ElementsAre("mini", "deepseek-chat", "mini:dense", "deepseek-chat:dense"));
  EXPECT_THAT(model_names(served(unmarked_folder(), false)), ElementsAre("mini", "deepseek-chat"));
  EXPECT_THAT(model_names(served(mini_model(), true)),
              ElementsAre("mini", "deepseek-chat", "deepseek-reasoner", "mini:dense",
                          "deepseek-chat:dense", "deepseek-reasoner:dense"));
}

TEST(ModelNames, SayWhatTheyAskFor) {
  const ServedModel model = served(mini_model(), true);
  for (const char* name : {"mini", "deepseek-chat", "deepseek-reasoner"}) {
    const bool is_thinking = std::string(name) == "deepseek-reasoner";
    EXPECT_EQ(resolve_model_name(model, name).is_thinking, is_thinking) << name;
    EXPECT_FALSE(resolve_model_name(model, name).is_dense) << name;
    const std::string dense = std::string(name) + ":dense";
    EXPECT_EQ(resolve_model_name(model, dense).is_thinking, is_thinking) << dense;
    EXPECT_TRUE(resolve_model_name(model, dense).is_dense) << dense;
  }
}

TEST(ModelNames, AModelWithoutASelectionIsDenseByEveryName) {
  const ServedModel model = served(mini_model(), false);
  EXPECT_TRUE(resolve_model_name(model, "mini").is_dense);
  EXPECT_TRUE(resolve_model_name(model, "mini:dense").is_dense);
}

TEST(ModelNames, TheOwnNameIsTakenAsItIs) {
  const ServedModel model = served(mini_model(), true, "mine:dense");
  EXPECT_FALSE(resolve_model_name(model, "mine:dense").is_dense);
  EXPECT_TRUE(resolve_model_name(model, "mine:dense:dense").is_dense);
  const ServedModel reasoner = served(unmarked_folder(), true, "deepseek-reasoner");
  EXPECT_FALSE(resolve_model_name(reasoner, "deepseek-reasoner").is_thinking)
      << "its tokenizer has no mark for it";
}

TEST(ModelNames, OthersAreRefused) {
  const ServedModel model = served(unmarked_folder(), true);
  for (const char* name : {"", ":dense", "dense", "gpt-5", "gpt-5:dense", "mini:sparse", "MINI",
                           "mini:dense:dense", "mini:dense "}) {
    EXPECT_EQ(status_of(model, name), 400) << name;
  }
  EXPECT_EQ(status_of(model, "deepseek-reasoner"), 422);
  EXPECT_EQ(status_of(model, "deepseek-reasoner:dense"), 422);
}

/// Longer than what models/mini selects, with the log-probabilities of the answer.
json long_body(const std::string& model) {
  json body = chat_body();
  std::string text = body["messages"][0]["content"];
  body["messages"][0]["content"] = text + " " + text + " " + text + " " + text;
  body["model"] = model;
  body["max_tokens"] = 10;
  body["logprobs"] = true;
  return body;
}

json ask(ServiceFixture& fixture, const std::string& model) {
  const ResponderPtr answer = fixture.post("/chat/completions", long_body(model));
  EXPECT_EQ(answer->status(), 200) << answer->body();
  return answer->json();
}

TEST(DenseByName, AnswersAndFiguresAreThoseOfDenseAttention) {
  ServiceFixture dense_server({.attention = model::AttentionMode::kDense});
  ServiceFixture server;
  const json expected = ask(dense_server, "mini");
  const json sparse = ask(server, "mini");
  const json dense = ask(server, "mini:dense");
  EXPECT_EQ(dense["choices"], expected["choices"]);
  EXPECT_NE(dense["choices"], sparse["choices"]) << "their log-probabilities differ";
  EXPECT_EQ(dense["model"], "mini:dense");
  EXPECT_EQ(dense["system_fingerprint"], "fp_mini_dense");
  EXPECT_EQ(sparse["system_fingerprint"], "fp_mini_sparse");
  EXPECT_EQ(dense["levin"]["context_share_read"], 1);
  EXPECT_LT(sparse["levin"]["context_share_read"], 1);
}

TEST(DenseByName, PrefixesOfTheTwoAreNotShared) {
  ServiceFixture server;
  (void)ask(server, "mini");
  EXPECT_EQ(ask(server, "mini:dense")["usage"]["prompt_cache_hit_tokens"], 0);
  EXPECT_GT(ask(server, "deepseek-chat:dense")["usage"]["prompt_cache_hit_tokens"], 0);
  EXPECT_GT(ask(server, "deepseek-chat")["usage"]["prompt_cache_hit_tokens"], 0);
}

TEST(DenseByName, HoldsForTextCompletionsToo) {
  ServiceFixture server;
  json body = {{"model", "mini:dense"}, {"max_tokens", 2}, {"prompt", std::vector<int>(300, 5)}};
  const json dense = server.post("/completions", body)->json();
  EXPECT_EQ(dense["system_fingerprint"], "fp_mini_dense");
  EXPECT_EQ(dense["levin"]["context_share_read"], 1);
  body["model"] = "mini";
  EXPECT_LT(server.post("/completions", body)->json()["levin"]["context_share_read"], 1);
}

TEST(DenseByName, IsInTheListWithItsAttention) {
  ServiceFixture server;
  const json list = server.ask("GET", "/v1/models", "")->json()["data"];
  ASSERT_EQ(list.size(), 6U);
  for (const json& entry : list) {
    const bool is_dense = entry["id"].get<std::string>().ends_with(":dense");
    EXPECT_EQ(entry["levin"]["attention"], is_dense ? "dense" : "sparse") << entry;
    EXPECT_EQ(entry["levin"]["model"], "mini");
  }
}

TEST(DenseByName, EveryListedNameIsToldAlone) {
  ServiceFixture server;
  const json list = server.ask("GET", "/v1/models", "")->json()["data"];
  for (const json& entry : list) {
    const ResponderPtr answer =
        server.ask("GET", "/v1/models/" + entry["id"].get<std::string>(), "");
    EXPECT_EQ(answer->status(), 200);
    EXPECT_EQ(answer->json(), entry);
  }
  EXPECT_EQ(server.ask("GET", "/models/mini", "")->json(), list[0]);
  for (const char* name : {"gpt-5", "", "mini/", "models/mini"}) {
    const ResponderPtr answer = server.ask("GET", "/v1/models/" + std::string(name), "");
    EXPECT_EQ(answer->status(), 404) << name;
    EXPECT_EQ(answer->json()["error"]["code"], "model_not_found") << name;
    EXPECT_EQ(answer->json()["error"]["param"], "model") << name;
  }
  EXPECT_THAT(server.ask("GET", "/metrics", "")->body(),
              HasSubstr("levin_http_requests_total{endpoint=\"models\",status=\"404\"} 4"));
}

TEST(DenseByName, AnUnknownNameIsRefusedWithThoseThatThereAre) {
  ServiceFixture server;
  json body = chat_body();
  body["model"] = "gpt-5:dense";
  const ResponderPtr refused = server.post("/chat/completions", body);
  EXPECT_EQ(refused->status(), 400);
  EXPECT_EQ(refused->json()["error"]["code"], "model_not_found");
  EXPECT_THAT(refused->json()["error"]["message"].get<std::string>(), HasSubstr("mini:dense"));
}

}  // namespace
}  // namespace levin::serve::api
