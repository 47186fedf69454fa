// Keys and money at the API: who may ask, and what an answer costs.
#include "serve/accounts/accounts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "formats/temporary_folder.h"
#include "serve/accounts/accounts_file.h"
#include "serve/accounts/key_store.h"
#include "serve/api/reply.h"
#include "service_fixture.h"

namespace levin::serve::api {
namespace {

using accounts::Money;
using testing::chat_body;
using testing::json;
using testing::long_chat_body;
using testing::ResponderPtr;
using testing::ServiceFixture;

constexpr const char* kBroken = "{\"model\":";  // 400, if anybody looked at it

class ApiAccounts : public ::testing::Test {
 protected:
  ApiAccounts() {
    accounts::create_accounts_file(path());
    accounts_ = std::make_unique<accounts::Accounts>(accounts::AccountsOptions{.path = path()});
    fixture_ = std::make_unique<ServiceFixture>(
        testing::ServiceFixtureOptions{.accounts = accounts_.get()});
  }

  [[nodiscard]] std::string path() const { return folder_.file("accounts.db"); }

  /// A metered key; its secret as the header says it.
  http::Headers make_key(const std::string& name, const std::string& usd,
                         accounts::Limits limits = {}) const {
    auto database = accounts::open_accounts_file(path(), accounts::Access::kWrite);
    const accounts::CreatedKey made = accounts::create_key(
        database,
        {.name = name, .limits = limits, .granted = {}, .topped_up = Money::parse_usd(usd)}, 0);
    return {{"Authorization", "Bearer " + made.secret}};
  }
  [[nodiscard]] Money total_of(const std::string& name) const {
    auto database = accounts::open_accounts_file(path(), accounts::Access::kWrite);
    return accounts::balance_of(database, accounts::get_key(database, name).id).total();
  }
  ResponderPtr chat(const json& body, const http::Headers& headers) {
    return fixture_->ask("POST", "/chat/completions", body.dump(), headers);
  }
  ResponderPtr send_broken(const http::Headers& headers) {
    return fixture_->ask("POST", "/chat/completions", kBroken, headers);
  }

  levin::testing::TemporaryFolder folder_;
  std::unique_ptr<accounts::Accounts> accounts_;
  std::unique_ptr<ServiceFixture> fixture_;
};

TEST_F(ApiAccounts, WithoutAKeyNothingIsAnswered) {
  for (const http::Headers& headers :
       {http::Headers{}, http::Headers{{"Authorization", "Bearer sk-wrong"}}}) {
    const ResponderPtr answer = chat(chat_body(), headers);
    EXPECT_EQ(answer->status(), 401);
    EXPECT_EQ(answer->json()["error"]["type"], "authentication_error");
    EXPECT_EQ(http::find_header(answer->headers(), "WWW-Authenticate"), "Bearer");
    EXPECT_EQ(fixture_->ask("GET", "/models", "", headers)->status(), 401);
    EXPECT_EQ(fixture_->ask("GET", "/user/balance", "", headers)->status(), 401);
  }
}

constexpr std::pair<const char*, const char*> kSmallEndpoints[] = {
    {"GET", "/metrics"}, {"GET", "/models"}, {"GET", "/user/balance"}, {"POST", "/tokenize"}};

TEST_F(ApiAccounts, OnlyMetricsDoWithoutAKeyAndOnlyOnLoopback) {
  const http::Headers key = make_key("alice", "1.00");
  const std::string body = R"({"prompt":"She"})";
  for (const bool is_loopback : {true, false}) {
    fixture_->set_loopback(is_loopback);
    for (const auto& [method, path] : kSmallEndpoints) {
      const bool is_open = is_loopback && path == std::string("/metrics");
      EXPECT_EQ(fixture_->ask(method, path, body)->status(), is_open ? 200 : 401) << path;
      EXPECT_EQ(fixture_->ask(method, path, body, key)->status(), 200) << path;
    }
  }
}

TEST(ApiKeys, AreAskedForWhereAccountsWouldBe) {
  ServiceFixture fixture({.api_keys = {"open sesame"}});
  const std::string body = R"({"prompt":"She"})";
  const http::Headers key = {{"Authorization", "Bearer open sesame"}};
  for (const bool is_loopback : {true, false}) {
    fixture.set_loopback(is_loopback);
    for (const auto& [method, path] : kSmallEndpoints) {
      const bool is_open = is_loopback && path == std::string("/metrics");
      EXPECT_EQ(fixture.ask(method, path, body)->status(), is_open ? 200 : 401) << path;
      EXPECT_EQ(fixture.ask(method, path, body, key)->status(), 200) << path;
    }
  }
  EXPECT_EQ(fixture.ask("POST", "/chat/completions", kBroken, key)->status(), 400);
}

TEST(ApiKeys, WhoHasNoneIsToldAndCounted) {
  ServiceFixture fixture({.api_keys = {"open sesame"}});
  const ResponderPtr refused =
      fixture.ask("POST", "/chat/completions", kBroken, {{"Authorization", "Bearer sesame"}});
  EXPECT_EQ(refused->status(), 401);
  EXPECT_EQ(refused->json()["error"]["type"], "authentication_error");
  EXPECT_EQ(refused->json()["error"]["code"], "invalid_api_key");
  EXPECT_EQ(http::find_header(refused->headers(), "WWW-Authenticate"), "Bearer");
  EXPECT_THAT(fixture.ask("GET", "/metrics", "")->body(),
              ::testing::HasSubstr(
                  R"(levin_http_requests_total{endpoint="chat/completions",status="401"} 1)"));
}

TEST_F(ApiAccounts, AnAnswerIsPaidBeforeItsEndIsSeen) {
  const http::Headers key = make_key("alice", "1.00");
  json body = chat_body();
  body["stream"] = true;
  const json last = chat(body, key)->events().back();
  const Money cost = Money::parse_usd(last["levin"]["cost_usd"].get<std::string>());
  EXPECT_GT(cost, Money());
  EXPECT_EQ(last["usage"]["cost_usd"], last["levin"]["cost_usd"]);
  EXPECT_EQ(total_of("alice"), Money::parse_usd("1.00") - cost);
  const json balance = fixture_->ask("GET", "/user/balance", "", key)->json();
  EXPECT_EQ(balance["is_available"], true);
  EXPECT_EQ(balance["balance_infos"][0]["total_balance"], total_of("alice").to_usd());
}

TEST_F(ApiAccounts, AnEmptyBalanceIs402) {
  const http::Headers key = make_key("poor", "0.0000001");
  const ResponderPtr answer = chat(chat_body(), key);
  EXPECT_EQ(answer->status(), 402);
  EXPECT_EQ(answer->json()["error"]["code"], "insufficient_balance");
  EXPECT_EQ(total_of("poor"), Money::parse_usd("0.0000001"));
  EXPECT_EQ(send_broken(key)->status(), 402) << "nothing was parsed for it";
}

TEST_F(ApiAccounts, ABalanceThatCoversNotThisRequestIs402AfterItWasRead) {
  const http::Headers key = make_key("poor", "0.00001");
  EXPECT_EQ(send_broken(key)->status(), 400) << "a smaller request would be covered";
  const ResponderPtr answer = chat(chat_body(), key);
  EXPECT_EQ(answer->status(), 402);
  EXPECT_EQ(answer->json()["error"]["code"], "insufficient_balance");
}

TEST_F(ApiAccounts, ABrokenBodyCostsNothingAndTakesNoPlace) {
  const http::Headers key =
      make_key("alice", "1.00", {.max_concurrent = 1, .tokens_per_minute = 100'000});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(send_broken(key)->status(), 400);
  }
  EXPECT_EQ(total_of("alice"), Money::parse_usd("1.00"));
  EXPECT_EQ(chat(chat_body(), key)->status(), 200);
}

TEST_F(ApiAccounts, AKeyWithoutTokensLeftIs429BeforeItsBodyIsRead) {
  const http::Headers key = make_key("eager", "1.00", {.tokens_per_minute = 1});
  EXPECT_EQ(chat(chat_body(), key)->status(), 200) << "it starts with a full bucket, and owes more";
  const ResponderPtr refused = send_broken(key);
  EXPECT_EQ(refused->status(), 429);
  EXPECT_EQ(refused->json()["error"]["code"], "rate_limit_exceeded");
  EXPECT_FALSE(http::find_header(refused->headers(), "Retry-After").empty());
}

TEST_F(ApiAccounts, TooManyAtOnceIs429) {
  const http::Headers key = make_key("busy", "1.00", {.max_concurrent = 1});
  const ResponderPtr open = fixture_->start_unread("/chat/completions", long_chat_body(800), key);
  const ResponderPtr refused = chat(chat_body(), key);
  EXPECT_EQ(refused->status(), 429);
  EXPECT_FALSE(http::find_header(refused->headers(), "Retry-After").empty());
  EXPECT_EQ(send_broken(key)->status(), 429) << "nothing was parsed for it";
  open->close();
  EXPECT_EQ(fixture_->service().drain(std::chrono::minutes(1)), 0);
}

TEST_F(ApiAccounts, MorePromptsThanAKeyMayRunAre422) {
  const http::Headers key = make_key("small", "1.00", {.max_concurrent = 2});
  const json body = {{"model", "mini"}, {"prompt", {"a", "b", "c"}}, {"max_tokens", 1}};
  const ResponderPtr refused = fixture_->ask("POST", "/completions", body.dump(), key);
  EXPECT_EQ(refused->status(), 422);
  EXPECT_EQ(refused->json()["error"]["param"], "prompt");
}

TEST_F(ApiAccounts, OwnersDoNotShareCachedPrefixes) {
  const http::Headers alice = make_key("alice", "1.00");
  const http::Headers bob = make_key("bob", "1.00");
  (void)chat(chat_body(), alice);
  EXPECT_EQ(chat(chat_body(), bob)->json()["usage"]["prompt_cache_hit_tokens"], 0);
  EXPECT_GT(chat(chat_body(), alice)->json()["usage"]["prompt_cache_hit_tokens"], 0);
}

TEST_F(ApiAccounts, ARefusedRequestCostsNothing) {
  const http::Headers key = make_key("alice", "1.00");
  json body = chat_body();
  body["max_tokens"] = 100000;
  EXPECT_EQ(chat(body, key)->status(), 400);
  EXPECT_EQ(total_of("alice"), Money::parse_usd("1.00"));
}

TEST_F(ApiAccounts, AFailureOfTheServerCostsNothing) {
  const http::Headers key = make_key("alice", "1.00");
  const auto known = accounts_->authenticate(http::find_header(key, "Authorization"));
  auto admitted = accounts_->admit(std::get<accounts::Key>(known), 100, 100);
  const auto responder = std::make_shared<testing::RecordingResponder>();
  ReplyOptions options;
  options.choices = 2;
  Spending spent;
  spent.prompt_tokens = 100;
  spent.completion_tokens = 50;
  Metrics metrics;
  {
    Worker worker;
    const ReplyServices services{.worker = worker, .metrics = metrics, .prices = {}};
    const auto reply = std::make_shared<Reply>(
        responder, std::move(options),
        std::get<std::unique_ptr<accounts::Admission>>(std::move(admitted)), services);
    reply->end_choice({.json = {{"index", 0}, {"finish_reason", "stop"}}}, spent);
    reply->fail_choice(base::Error(base::ErrorCode::kInternal, "a tensor holds a NaN"), spent);
  }
  EXPECT_EQ(responder->status(), 500);
  const json balance = fixture_->ask("GET", "/user/balance", "", key)->json();
  EXPECT_EQ(balance["balance_infos"][0]["total_balance"], Money::parse_usd("1.00").to_usd());
  EXPECT_EQ(accounts_->balance(std::get<accounts::Key>(known)).available(),
            Money::parse_usd("1.00"));
}

}  // namespace
}  // namespace levin::serve::api
