// POST completions: continuation, echo, scores, gaps.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "service_fixture.h"

namespace levin::serve::api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::json;
using testing::ResponderPtr;
using testing::ServiceFixture;

json body_with(const json& prompt) {
  return {{"model", "mini"}, {"prompt", prompt}, {"max_tokens", 4}, {"temperature", 0}};
}

class Completions : public ::testing::Test {
 protected:
  json choice_of(const json& body) {
    const ResponderPtr answer = fixture_.post("/beta/completions", body);
    EXPECT_EQ(answer->status(), 200) << answer->body();
    return answer->json()["choices"][0];
  }
  std::vector<int32_t> ids_of(const std::string& text) {
    return fixture_.post("/tokenize", {{"prompt", text}})->json()["tokens"];
  }

  ServiceFixture fixture_;
};

TEST_F(Completions, GoOnWithTheText) {
  const ResponderPtr answer = fixture_.post("/completions", body_with("She had been"));
  const json body = answer->json();
  EXPECT_EQ(body["object"], "text_completion");
  EXPECT_EQ(body["usage"]["completion_tokens"], 4);
  EXPECT_FALSE(body["choices"][0]["text"].get<std::string>().empty());
  EXPECT_EQ(body["choices"][0]["finish_reason"], "length");
}

TEST_F(Completions, IdsAreTakenAsTheyAre) {
  const std::string text = "She had been forced";
  EXPECT_EQ(choice_of(body_with(text))["text"], choice_of(body_with(ids_of(text)))["text"]);
}

TEST_F(Completions, EchoPutsThePromptInFront) {
  json body = body_with("She had been");
  const std::string plain = choice_of(body)["text"];
  body["echo"] = true;
  EXPECT_EQ(choice_of(body)["text"], "She had been" + plain);
}

TEST_F(Completions, EchoWithLogprobsScoresThePrompt) {
  const std::vector<int32_t> ids = ids_of("She had been forced into prudence");
  json body = body_with(ids);
  body.update({{"echo", true}, {"logprobs", 2}, {"max_tokens", 1}});
  const json scores = choice_of(body)["logprobs"];
  ASSERT_EQ(scores["tokens"].size(), ids.size() + 1);
  EXPECT_TRUE(scores["token_logprobs"][0].is_null()) << "nothing predicts the first token";
  for (size_t i = 1; i <= ids.size(); ++i) {
    EXPECT_LE(scores["token_logprobs"][i], 0);
    EXPECT_EQ(scores["top_logprobs"][i].size(), 2U);
  }
  // Greedy: what was drawn is the best.
  const std::string drawn = scores["tokens"].back();
  EXPECT_EQ(scores["top_logprobs"].back()[drawn], scores["token_logprobs"].back());
}

/// The byte at which a character begins.
size_t byte_of(const std::string& text, size_t character) {
  size_t byte = 0;
  for (size_t begun = 0; byte < text.size(); ++byte) {
    begun += (static_cast<unsigned char>(text[byte]) & 0xC0U) != 0x80U ? 1 : 0;
    if (begun > character) {
      break;
    }
  }
  return byte;
}

/// Each token from `first_token_idx` on stands in the text where its offset says.
void expect_offsets(const json& choice, size_t first_token_idx) {
  const std::string text = choice["text"];
  const json& scores = choice["logprobs"];
  ASSERT_GT(scores["tokens"].size(), first_token_idx);
  ASSERT_EQ(scores["text_offset"].size(), scores["tokens"].size());
  EXPECT_EQ(scores["text_offset"][0], 0);
  for (size_t i = first_token_idx; i < scores["tokens"].size(); ++i) {
    const std::string token = scores["tokens"][i];
    EXPECT_EQ(text.substr(byte_of(text, scores["text_offset"][i]), token.size()), token) << i;
  }
}

TEST_F(Completions, TextOffsetsPointIntoTheEchoedText) {
  json body = body_with("She had been forced");
  body.update({{"echo", true}, {"logprobs", 0}});
  const json with_added_bos = choice_of(body);
  EXPECT_EQ(with_added_bos["logprobs"]["text_offset"][1], 0) << "the text has no BOS";
  expect_offsets(with_added_bos, 1);
  for (const json& prompt :
       {json("<｜begin▁of▁sentence｜>She had been forced"), json(ids_of("She had been forced"))}) {
    body["prompt"] = prompt;
    const json with_own_bos = choice_of(body);
    EXPECT_EQ(with_own_bos["logprobs"]["text_offset"][1], 21) << "characters, not bytes";
    expect_offsets(with_own_bos, 0);
  }
  body["echo"] = false;
  expect_offsets(choice_of(body), 0);
}

TEST_F(Completions, ScoresAreThoseThatDrawingGives) {
  json body = body_with(ids_of("She had been forced"));
  body.update({{"logprobs", 1}, {"max_tokens", 3}});
  const json drawn = choice_of(body);
  std::vector<int32_t> longer = ids_of("She had been forced");
  const size_t prompt_tokens = longer.size();
  for (const int32_t id : ids_of(drawn["text"].get<std::string>())) {
    if (id != longer.front()) {  // not BOS again
      longer.push_back(id);
    }
  }
  json scored = body_with(longer);
  scored.update({{"echo", true}, {"logprobs", 1}, {"max_tokens", 1}});
  const json scores = choice_of(scored)["logprobs"]["token_logprobs"];
  EXPECT_NEAR(scores[prompt_tokens], drawn["logprobs"]["token_logprobs"][0].get<double>(), 1e-3);
}

// What lm-evaluation-harness sends and reads (local-completions, `_create_payload` and
// `parse_logprobs`): prompts of ids; the score of a continuation is the sum behind its context,
// without the one generated token; it is the greedy one if each token has its place's best score.
TEST_F(Completions, GiveHarnessesTheScoreOfAContinuation) {
  const std::vector<int32_t> context = ids_of("She had been forced into");
  std::vector<int32_t> greedy = context;
  for (const int32_t id : ids_of(choice_of(body_with(context))["text"].get<std::string>())) {
    if (id != context.front()) {  // not BOS again
      greedy.push_back(id);
    }
  }
  std::vector<int32_t> other = greedy;
  other[context.size()] = context.back();
  const ResponderPtr answer = fixture_.post("/v1/completions", {{"model", "mini"},
                                                                {"prompt", {greedy, other}},
                                                                {"temperature", 0},
                                                                {"max_tokens", 1},
                                                                {"logprobs", 1},
                                                                {"seed", 1234},
                                                                {"echo", true}});
  ASSERT_EQ(answer->status(), 200) << answer->body();
  const json choices = answer->json()["choices"];
  ASSERT_EQ(choices.size(), 2U);
  std::vector<double> sums(2, 0);
  std::vector<bool> is_greedy(2, true);
  for (size_t choice = 0; choice < 2; ++choice) {
    const json scores = choices[choice]["logprobs"];
    EXPECT_EQ(choices[choice]["index"], choice);
    ASSERT_EQ(scores["token_logprobs"].size(), greedy.size() + 1);
    for (size_t i = context.size(); i < greedy.size(); ++i) {
      const double score = scores["token_logprobs"][i];
      double best = score;
      for (const auto& [token, top] : scores["top_logprobs"][i].items()) {
        best = std::max(best, top.get<double>());
      }
      sums[choice] += score;
      is_greedy[choice] = is_greedy[choice] && score == best;
    }
  }
  EXPECT_THAT(is_greedy, ElementsAre(true, false));
  EXPECT_LT(sums[1], sums[0]);
}

TEST_F(Completions, MaxTokensZeroWithEchoIsTheScoreAlone) {
  json body = body_with("She had been");
  body.update({{"echo", true}, {"logprobs", 0}, {"max_tokens", 0}});
  const ResponderPtr answer = fixture_.post("/completions", body);
  EXPECT_EQ(answer->json()["choices"][0]["text"], "She had been");
  EXPECT_EQ(answer->json()["usage"]["completion_tokens"], 0);
  body.erase("echo");
  EXPECT_EQ(fixture_.post("/completions", body)->status(), 422);
}

TEST_F(Completions, SeveralPromptsGetAChoiceEach) {
  const json body = body_with({"She had been", "The city of", "What is"});
  const ResponderPtr answer = fixture_.post("/completions", body);
  const json choices = answer->json()["choices"];
  ASSERT_EQ(choices.size(), 3U);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(choices[i]["index"], i);
    EXPECT_EQ(choices[i]["text"], choice_of(body_with(body["prompt"][i]))["text"]);
  }
  EXPECT_EQ(answer->json()["usage"]["completion_tokens"], 12);
}

TEST_F(Completions, StreamsBringTheSame) {
  json body = body_with("She had been");
  const std::string whole = choice_of(body)["text"];
  body["stream"] = true;
  std::string text;
  const std::vector<json> events = fixture_.post("/completions", body)->events();
  for (const json& event : events) {
    text += event["choices"][0]["text"].get<std::string>();
  }
  EXPECT_EQ(text, whole);
  EXPECT_EQ(events.back()["choices"][0]["finish_reason"], "length");
}

TEST_F(Completions, AGapIsFilledByModelsThatCan) {
  json body = body_with("def f(");
  body["suffix"] = "return 1";
  EXPECT_EQ(fixture_.post("/beta/completions", body)->status(), 200);
  ServiceFixture unable({.model_dir = testing::unmarked_folder()});
  EXPECT_EQ(unable.post("/beta/completions", body)->status(), 422);
  body["echo"] = true;
  EXPECT_EQ(fixture_.post("/beta/completions", body)->json()["error"]["param"], "echo");
}

TEST_F(Completions, PromptsThatAreNoneAreNamed) {
  for (const json& prompt :
       {json(5), json::array(), json::array({-1}), json::array({4096}), json::array({1, "x"}),
        json::array({"x", 1}), json::array({json::array()}), json()}) {
    const ResponderPtr answer = fixture_.post("/completions", body_with(prompt));
    EXPECT_EQ(answer->status(), 422) << prompt;
    EXPECT_THAT(answer->json()["error"]["param"].get<std::string>(), HasSubstr("prompt")) << prompt;
  }
}

TEST_F(Completions, AnIdOutOfRangeIsNamedWithItsPlace) {
  const auto param = [&](const char* path, const json& body) {
    return fixture_.post(path, body)->json()["error"]["param"];
  };
  EXPECT_EQ(param("/completions", body_with({1, 2, 3, 4096})), "prompt[3]");
  EXPECT_EQ(param("/completions", body_with({{1}, {2, -1}})), "prompt[1][1]");
  EXPECT_EQ(param("/detokenize", {{"tokens", {0, 4096}}}), "tokens[1]");
  EXPECT_EQ(param("/detokenize", {{"tokens", {0, 1, "x"}}}), "tokens[2]");
}

TEST_F(Completions, WhatChatAloneHasIsRefusedByName) {
  json body = body_with("She had been");
  for (const auto& [key, value] : std::vector<std::pair<std::string, json>>{
           {"response_format", {{"type", "json_object"}}},
           {"tools", json::array({{{"type", "function"}, {"function", {{"name", "f"}}}}})},
           {"thinking", {{"type", "enabled"}}}}) {
    json with = body;
    with[key] = value;
    const ResponderPtr answer = fixture_.post("/completions", with);
    EXPECT_EQ(answer->status(), 422) << key;
    EXPECT_EQ(answer->json()["error"]["param"], key);
  }
  body.update({{"response_format", {{"type", "text"}}},
               {"tools", json::array()},
               {"thinking", {{"type", "disabled"}}}});
  EXPECT_EQ(fixture_.post("/completions", body)->status(), 200);
}

TEST_F(Completions, AScoreTakesAPromptThatLeavesRoomForOneToken) {
  json body = body_with(std::vector<int>(1023, 5));
  body.update({{"echo", true}, {"logprobs", 0}, {"max_tokens", 0}});
  EXPECT_EQ(choice_of(body)["logprobs"]["tokens"].size(), 1023U);
  body["prompt"].push_back(5);
  const ResponderPtr refused = fixture_.post("/completions", body);
  EXPECT_EQ(refused->status(), 400);
  const std::string message = refused->json()["error"]["message"];
  EXPECT_THAT(message, ::testing::AllOf(HasSubstr("1023 of them for prompts"), HasSubstr("1024")));
  EXPECT_THAT(message, ::testing::Not(HasSubstr("max_tokens")));
}

TEST_F(Completions, TokensGoBothWays) {
  const std::vector<int32_t> ids = ids_of("She had been");
  EXPECT_EQ(fixture_.post("/detokenize", {{"tokens", ids}})->json()["prompt"],
            "<｜begin▁of▁sentence｜>She had been");
  const json bare =
      fixture_.post("/tokenize", {{"prompt", "She had been"}, {"add_special_tokens", false}})
          ->json();
  EXPECT_EQ(bare["count"], ids.size() - 1);
  EXPECT_EQ(bare["max_model_len"], 1024);
  const json counted =
      fixture_.post("/tokenize", {{"prompt", "She had been"}, {"return_tokens", false}})->json();
  EXPECT_EQ(counted, (json{{"count", ids.size()}, {"max_model_len", 1024}}));
  EXPECT_EQ(fixture_.post("/tokenize", testing::chat_body())->status(), 200);
  EXPECT_EQ(fixture_.post("/detokenize", {{"tokens", json::array({-1})}})->status(), 422);
}

TEST_F(Completions, TokenizeTakesOnePromptAndKnowsItsThinking) {
  json body = testing::chat_body();
  body["thinking"] = {{"type", "zzz"}};
  EXPECT_EQ(fixture_.post("/tokenize", body)->json()["error"]["param"], "thinking.type");
  body["thinking"] = {{"type", "enabled"}};
  EXPECT_EQ(fixture_.post("/tokenize", body)->status(), 200);
  body["prompt"] = "x";
  EXPECT_EQ(fixture_.post("/tokenize", body)->json()["error"]["param"], "prompt");
}

TEST_F(Completions, WhatNoContextHoldsIsNotTokenisedToItsEnd) {
  const std::string endless(size_t{24} << 20, 'a');  // of one piece, and more than a million tokens
  for (const auto& [path, answer] :
       {std::pair("/completions", fixture_.post("/completions", body_with(endless))),
        std::pair("/tokenize", fixture_.post("/tokenize", {{"prompt", endless}}))}) {
    EXPECT_EQ(answer->status(), 400) << path;
    EXPECT_EQ(answer->json()["error"]["code"], "context_length_exceeded") << path;
  }
}

}  // namespace
}  // namespace levin::serve::api
