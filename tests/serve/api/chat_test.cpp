// POST chat/completions on models/mini, through the routes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "service_fixture.h"

namespace levin::serve::api {
namespace {

using testing::chat_body;
using ::testing::HasSubstr;
using testing::json;
using testing::kAnswer;
using testing::long_chat_body;
using testing::ResponderPtr;
using testing::ServiceFixture;
using ::testing::StartsWith;

json streaming(json body, const json& options = {{"include_usage", false}}) {
  body["stream"] = true;
  body["stream_options"] = options;
  return body;
}

/// The texts of a stream's chunks together.
std::string content_of(const std::vector<json>& events) {
  std::string text;
  for (const json& event : events) {
    for (const json& choice : event["choices"]) {
      text += choice["delta"].value("content", "");
    }
  }
  return text;
}

class Chat : public ::testing::Test {
 protected:
  ServiceFixture fixture_;
};

TEST_F(Chat, AnswersInTheDocumentedForm) {
  const ResponderPtr answer = fixture_.post("/chat/completions", chat_body());
  ASSERT_EQ(answer->status(), 200) << answer->body();
  const json body = answer->json();
  EXPECT_EQ(body["object"], "chat.completion");
  EXPECT_EQ(body["model"], "deepseek-chat");
  EXPECT_EQ(body["system_fingerprint"], "fp_mini_sparse");
  const json& choice = body["choices"].at(0);
  EXPECT_EQ(choice["index"], 0);
  EXPECT_EQ(choice["message"]["role"], "assistant");
  EXPECT_THAT(choice["message"]["content"].get<std::string>(), HasSubstr(kAnswer));
  EXPECT_EQ(choice["finish_reason"], "stop");
  EXPECT_TRUE(choice["logprobs"].is_null());
  EXPECT_EQ(answer->long_wait(), http::LongWait::kBody);
}

TEST_F(Chat, EveryPathOfTheApiLeadsThere) {
  json body = chat_body();
  body["max_tokens"] = 1;
  for (const char* path : {"/v1/chat/completions", "/beta/chat/completions"}) {
    EXPECT_EQ(fixture_.post(path, body)->status(), 200) << path;
  }
}

TEST_F(Chat, UsageCountsWhatTheCacheSpared) {
  const json first = fixture_.post("/chat/completions", chat_body())->json()["usage"];
  const json second = fixture_.post("/chat/completions", chat_body())->json()["usage"];
  const int64_t prompt = first["prompt_tokens"];
  EXPECT_EQ(first["prompt_cache_hit_tokens"], 0);
  EXPECT_EQ(first["prompt_cache_miss_tokens"], prompt);
  EXPECT_EQ(second["prompt_tokens"], prompt);
  EXPECT_EQ(second["prompt_cache_hit_tokens"], (prompt - 1) / 64 * 64) << "whole pages";
  EXPECT_EQ(second["prompt_tokens_details"]["cached_tokens"], second["prompt_cache_hit_tokens"]);
  EXPECT_EQ(second["total_tokens"], prompt + second["completion_tokens"].get<int64_t>());
  EXPECT_EQ(second["completion_tokens_details"]["reasoning_tokens"], 0);
}

TEST_F(Chat, TheMeterTellsTimeShareAndPrice) {
  const ResponderPtr answer = fixture_.post("/chat/completions", chat_body());
  const json body = answer->json();
  const json& meter = body["levin"];
  EXPECT_GT(meter["time_to_first_token_ms"], 0);
  EXPECT_GT(meter["context_share_read"], 0);
  EXPECT_LE(meter["context_share_read"], 1);
  EXPECT_EQ(meter["cost_usd"], meter["cost_without_cache_usd"]) << "nothing was cached";
  EXPECT_EQ(http::find_header(answer->headers(), "X-Levin-Cost-Usd"),
            meter["cost_usd"].get<std::string>());
  EXPECT_EQ(body["usage"]["cost_usd"], meter["cost_usd"]);
}

TEST_F(Chat, AStreamBringsTheSameTextInPieces) {
  const std::string whole =
      fixture_.post("/chat/completions", chat_body())->json()["choices"][0]["message"]["content"];
  const ResponderPtr stream = fixture_.post("/chat/completions", streaming(chat_body()));
  const std::vector<json> events = stream->events();
  ASSERT_GT(events.size(), 3U);
  EXPECT_EQ(events.front()["object"], "chat.completion.chunk");
  EXPECT_EQ(events.front()["choices"][0]["delta"], (json{{"role", "assistant"}, {"content", ""}}));
  EXPECT_EQ(content_of(events), whole);
  EXPECT_EQ(stream->long_wait(), http::LongWait::kEvents) << "a long step must not be silent";
  const json& last = events.back();
  EXPECT_EQ(last["choices"][0]["finish_reason"], "stop");
  EXPECT_EQ(last["choices"][0]["delta"], json::object());
  EXPECT_GT(last["usage"]["completion_tokens"], 0) << "DeepSeek's last chunk has it unasked";
  EXPECT_EQ(last["usage"]["cost_usd"], last["levin"]["cost_usd"]);
  EXPECT_EQ(stream->trailer().first, "X-Levin-Cost-Usd");
  EXPECT_EQ(stream->trailer().second, last["usage"]["cost_usd"].get<std::string>());
  for (const json& event : events) {
    EXPECT_EQ(event["id"], events.front()["id"]);
  }
}

TEST_F(Chat, UsageComesInAChunkOfItsOwnIfAskedFor) {
  const std::vector<json> events =
      fixture_.post("/chat/completions", streaming(chat_body(), {{"include_usage", true}}))
          ->events();
  for (size_t i = 0; i + 1 < events.size(); ++i) {
    EXPECT_TRUE(events[i].contains("usage") && events[i]["usage"].is_null());
  }
  EXPECT_EQ(events.back()["choices"], json::array());
  EXPECT_GT(events.back()["usage"]["prompt_tokens"], 0);
  EXPECT_TRUE(events.back()["levin"].contains("cost_without_cache_usd"));
  EXPECT_EQ(events.back()["usage"]["cost_usd"], events.back()["levin"]["cost_usd"]);
}

TEST_F(Chat, ProgressOfThePromptIsToldIfAskedFor) {
  const std::vector<json> events =
      fixture_.post("/chat/completions", streaming(chat_body(), {{"include_progress", true}}))
          ->events();
  EXPECT_EQ(events.front()["choices"], json::array());
  EXPECT_GT(events.front()["levin"]["prompt_tokens"], 0);
  EXPECT_EQ(events.front()["levin"]["prompt_tokens_done"], events.front()["levin"]["prompt_tokens"])
      << "one chunk reads it all";
}

TEST_F(Chat, ChunksOfProgressHaveNullAsTheirUsageIfUsageIsAskedFor) {
  const json options = {{"include_progress", true}, {"include_usage", true}};
  const std::vector<json> events =
      fixture_.post("/chat/completions", streaming(chat_body(), options))->events();
  ASSERT_TRUE(events.front()["levin"].contains("prompt_tokens_done"));
  EXPECT_TRUE(events.front().contains("usage"));
  EXPECT_TRUE(events.front()["usage"].is_null());
}

TEST_F(Chat, StopStringsAndLengthEndAnswers) {
  json body = chat_body();
  body["stop"] = {"never", "Zoe is sai"};
  json choice = fixture_.post("/chat/completions", body)->json()["choices"][0];
  EXPECT_EQ(choice["finish_reason"], "stop");
  EXPECT_TRUE(choice["message"]["content"].get<std::string>().ends_with("The city of "));
  body = chat_body();
  body["max_tokens"] = 2;
  const json answer = fixture_.post("/chat/completions", body)->json();
  EXPECT_EQ(answer["choices"][0]["finish_reason"], "length");
  EXPECT_EQ(answer["usage"]["completion_tokens"], 2);
}

TEST_F(Chat, LogprobsComeWithTheTokensOfTheText) {
  json body = chat_body();
  body["logprobs"] = true;
  body["top_logprobs"] = 2;
  const json choice = fixture_.post("/chat/completions", body)->json()["choices"][0];
  std::string text;
  for (const json& token : choice["logprobs"]["content"]) {
    text += token["token"].get<std::string>();
    EXPECT_EQ(token["top_logprobs"].size(), 2U);
    EXPECT_EQ(token["top_logprobs"][0]["logprob"], token["logprob"]) << "greedy";
  }
  EXPECT_EQ(text, choice["message"]["content"].get<std::string>());
}

TEST_F(Chat, StreamedLogprobsComeWithTheirText) {
  json body = chat_body();
  body["logprobs"] = true;
  const json whole =
      fixture_.post("/chat/completions", body)->json()["choices"][0]["logprobs"]["content"];
  json tokens = json::array();
  for (const json& event : fixture_.post("/chat/completions", streaming(body))->events()) {
    const json& choice = event["choices"].at(0);
    if (choice["logprobs"].is_null()) {
      EXPECT_EQ(choice["delta"].value("content", ""), "");
      continue;
    }
    std::string text;
    for (const json& token : choice["logprobs"]["content"]) {
      text += token["token"].get<std::string>();
      tokens.push_back(token["token"]);
    }
    EXPECT_EQ(choice["delta"]["content"], text);
  }
  ASSERT_EQ(tokens.size(), whole.size());
  for (size_t i = 0; i < tokens.size(); ++i) {
    EXPECT_EQ(tokens[i], whole[i]["token"]);
  }
}

TEST_F(Chat, TokensOfAStopStringAreNotShown) {
  json body = chat_body();
  body["logprobs"] = true;
  body["stop"] = " is";
  const json choice = fixture_.post("/chat/completions", body)->json()["choices"][0];
  std::string text;
  for (const json& token : choice["logprobs"]["content"]) {
    text += token["token"].get<std::string>();
  }
  EXPECT_EQ(text, choice["message"]["content"].get<std::string>());
}

TEST_F(Chat, TheSameSeedGivesTheSameText) {
  json body = chat_body();
  body["temperature"] = 1.5;
  body["seed"] = 11;
  const auto text = [&] {
    return fixture_.post("/chat/completions", body)->json()["choices"][0]["message"]["content"];
  };
  EXPECT_EQ(text(), text());
}

TEST_F(Chat, ManyClientsAtOnceGetTheTextsTheyGetAlone) {
  std::vector<json> bodies;
  std::vector<std::string> alone;
  for (int i = 0; i < 8; ++i) {
    bodies.push_back(chat_body());
    bodies.back()["temperature"] = 1;
    bodies.back()["seed"] = i;
    bodies.back()["max_tokens"] = 10 + i;
    alone.push_back(fixture_.post("/chat/completions", bodies.back())
                        ->json()["choices"][0]["message"]["content"]);
  }
  std::vector<ResponderPtr> answers;
  for (const json& body : bodies) {
    answers.push_back(fixture_.start("POST", "/chat/completions", streaming(body).dump()));
  }
  for (size_t i = 0; i < answers.size(); ++i) {
    answers[i]->wait();
    EXPECT_EQ(content_of(answers[i]->events()), alone[i]);
  }
}

TEST_F(Chat, AClientThatGoesFreesItsPages) {
  const ResponderPtr gone = fixture_.start("POST", "/chat/completions", long_chat_body(800).dump());
  gone->wait_for_bytes(1);
  gone->close();
  EXPECT_EQ(fixture_.service().drain(std::chrono::minutes(1)), 0);
  EXPECT_EQ(fixture_.service().stats().cache.held_pages, 0);
}

TEST_F(Chat, AFullQueueIsSaidWithAHint) {
  ServiceFixture small({.host = {.max_waiting = 1}});
  const ResponderPtr waiting = small.start_unread("/chat/completions", streaming(chat_body()));
  const ResponderPtr refused = small.post("/chat/completions", chat_body());
  EXPECT_EQ(refused->status(), 429);
  EXPECT_EQ(refused->json()["error"]["code"], "queue_full");
  EXPECT_GE(std::stoi(std::string(http::find_header(refused->headers(), "Retry-After"))), 1);
  for (const char* path : {"/chat/completions", "/completions"}) {
    EXPECT_EQ(small.ask("POST", path, "{\"model\":")->status(), 429) << "no body is read for it";
  }
  waiting->set_reading(true);
  waiting->wait();
  EXPECT_EQ(content_of(waiting->events()), kAnswer) << "the one in the queue gets its answer";
}

TEST_F(Chat, AServerThatStopsReadsNoBodies) {
  ASSERT_EQ(fixture_.service().drain(std::chrono::minutes(1)), 0);
  for (const std::string& body : {chat_body().dump(), std::string("{\"model\":")}) {
    const ResponderPtr refused = fixture_.ask("POST", "/chat/completions", body);
    EXPECT_EQ(refused->status(), 503);
    EXPECT_EQ(refused->json()["error"]["code"], "shutting_down");
  }
}

TEST_F(Chat, WhatDoesNotFitIntoTheContextIsSaidWithNumbers) {
  json body = chat_body();
  body["max_tokens"] = 5000;
  const ResponderPtr answer = fixture_.post("/chat/completions", body);
  EXPECT_EQ(answer->status(), 400);
  const json error = answer->json()["error"];
  EXPECT_EQ(error["code"], "context_length_exceeded");
  EXPECT_THAT(error["message"].get<std::string>(), HasSubstr("1024"));
  EXPECT_THAT(error["message"].get<std::string>(), HasSubstr("5000"));
}

TEST_F(Chat, UnknownModelsAndMissingAbilitiesAreNamed) {
  json body = chat_body();
  body["model"] = "gpt-5";
  ResponderPtr answer = fixture_.post("/chat/completions", body);
  EXPECT_EQ(answer->status(), 400);
  EXPECT_EQ(answer->json()["error"]["code"], "model_not_found");
  EXPECT_EQ(answer->json()["error"]["param"], "model");
}

TEST_F(Chat, ABrokenBodyIsAnError) {
  const ResponderPtr answer = fixture_.ask("POST", "/chat/completions", "{\"model\":");
  EXPECT_EQ(answer->status(), 400);
  EXPECT_EQ(answer->json()["error"]["type"], "invalid_request_error");
}

}  // namespace
}  // namespace levin::serve::api
