// Log-probabilities: an entry for each token, in the order and at the places of the text.
#include "serve/api/logprobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "service_fixture.h"

namespace levin::serve::api {
namespace {

using ::testing::ElementsAre;
using testing::json;
using testing::ResponderPtr;
using testing::ServiceFixture;

generation::Delta delta_of(int32_t token, const std::string& text) {
  generation::Delta delta;
  delta.token.emplace().token = token;
  delta.text = text;
  return delta;
}

std::vector<int32_t> ids(const std::vector<TextToken>& tokens) {
  std::vector<int32_t> list;
  for (const TextToken& token : tokens) {
    list.push_back(token.sampled.token);
  }
  return list;
}

TEST(TokenQueue, TokensComeOnceTheirTextIsOut) {
  TokenQueue queue;
  queue.push(delta_of(1, "one "));
  EXPECT_THAT(ids(queue.release(4)), ElementsAre(1));
  queue.push(delta_of(2, "two"));
  EXPECT_THAT(ids(queue.release(0)), ElementsAre());
  queue.push(delta_of(3, "three"));
  EXPECT_THAT(ids(queue.release(2)), ElementsAre(2)) << "a part of the text is out";
  EXPECT_THAT(ids(queue.release(1)), ElementsAre());
  EXPECT_THAT(ids(queue.release_all()), ElementsAre(3));
}

TEST(TokenQueue, TokensWithoutTextGoWithWhatFollows) {
  TokenQueue queue;
  queue.push(delta_of(1, ""));  // special
  queue.push(delta_of(2, "a"));
  EXPECT_THAT(ids(queue.release(1)), ElementsAre(1, 2));
  queue.push(delta_of(3, ""));  // three bytes of a character
  queue.push(delta_of(4, ""));
  queue.push(delta_of(5, "🙂"));
  queue.push(delta_of(6, ""));  // special
  EXPECT_THAT(ids(queue.release(4)), ElementsAre(3, 4, 5));
  EXPECT_THAT(ids(queue.release_all()), ElementsAre(6));
}

TEST(TokenQueue, GoesOnBehindWhatWasDropped) {
  TokenQueue queue;
  queue.push(delta_of(1, "call"));
  queue.drop();
  queue.push(delta_of(2, "a"));
  EXPECT_THAT(ids(queue.release(1)), ElementsAre(2));
  EXPECT_THAT(ids(queue.release(4)), ElementsAre()) << "the dropped text comes after all";
  queue.push(delta_of(3, "b"));
  EXPECT_THAT(ids(queue.release(0)), ElementsAre());
  EXPECT_THAT(ids(queue.release(1)), ElementsAre(3));
}

/// Every token of mini, with itself and the next as the likeliest.
std::vector<TextToken> all_tokens(const text::Tokenizer& tokenizer) {
  std::vector<TextToken> tokens;
  for (int32_t id = 0; id + 1 < tokenizer.vocab_size(); ++id) {
    TextToken& token = tokens.emplace_back();
    token.sampled.token = id;
    token.sampled.logprob = -0.5F;
    token.sampled.top_logprobs = {{id, -0.5F}, {id + 1, -1.0F}};
    token.text = "x";
  }
  return tokens;
}

TEST(LogprobsText, OfCompletionsIsJsonWhateverBytesTheTokensHave) {
  const text::Tokenizer tokenizer = text::Tokenizer::load(testing::mini_model());
  const std::vector<TextToken> tokens = all_tokens(tokenizer);
  CompletionLogprobs logprobs(tokenizer);
  logprobs.add_first(7, true);
  for (const TextToken& token : tokens) {
    logprobs.add(token);
  }
  const json lists = json::parse(logprobs.take());
  for (const char* list : {"tokens", "token_logprobs", "top_logprobs", "text_offset"}) {
    EXPECT_EQ(lists[list].size(), tokens.size() + 1) << list;
  }
  EXPECT_TRUE(lists["top_logprobs"][0].is_null());
  for (size_t i = 0; i < tokens.size(); ++i) {
    const std::string label = token_label(tokens[i].sampled.token, tokenizer);
    ASSERT_EQ(lists["tokens"][i + 1], label);
    ASSERT_EQ(lists["top_logprobs"][i + 1].value(label, 0.0), -0.5);
  }
  EXPECT_TRUE(logprobs.is_empty());
  EXPECT_EQ(json::parse(logprobs.take())["tokens"], json::array());
}

TEST(LogprobsText, OfChatIsJsonWhateverBytesTheTokensHave) {
  const text::Tokenizer tokenizer = text::Tokenizer::load(testing::mini_model());
  const std::vector<TextToken> tokens = all_tokens(tokenizer);
  std::string list;
  append_chat_logprobs({}, tokenizer, list);
  EXPECT_EQ(list, "");
  append_chat_logprobs({tokens[0]}, tokenizer, list);
  append_chat_logprobs({tokens.begin() + 1, tokens.end()}, tokenizer, list);
  const json entries = json::parse("[" + list + "]");
  ASSERT_EQ(entries.size(), tokens.size());
  for (size_t i = 0; i < tokens.size(); ++i) {
    const std::string_view bytes = tokenizer.token_bytes(tokens[i].sampled.token);
    ASSERT_EQ(entries[i]["bytes"].size(), bytes.size());
    ASSERT_EQ(entries[i]["logprob"], -0.5);
    ASSERT_EQ(entries[i]["top_logprobs"].size(), 2U);
    ASSERT_EQ(entries[i]["top_logprobs"][0]["token"], entries[i]["token"]);
  }
}

class Logprobs : public ::testing::Test {
 protected:
  json answer_of(const json& body) {
    const ResponderPtr answer = fixture_.post("/v1/completions", body);
    EXPECT_EQ(answer->status(), 200) << answer->body();
    return answer->json();
  }
  /// Ids that mini goes on with the end of its answer.
  std::vector<int32_t> finished_prompt() {
    const json chat = testing::chat_body();
    const std::string answer =
        fixture_.post("/chat/completions", chat)->json()["choices"][0]["message"]["content"];
    std::vector<int32_t> prompt = fixture_.post("/tokenize", chat)->json()["tokens"];
    const json rest =
        fixture_.post("/tokenize", {{"prompt", answer}, {"add_special_tokens", false}})->json();
    for (const int32_t id : rest["tokens"]) {
      prompt.push_back(id);
    }
    return prompt;
  }

  ServiceFixture fixture_;
};

json scored(const json& prompt, int max_tokens) {
  return {{"model", "mini"}, {"prompt", prompt},       {"max_tokens", max_tokens},
          {"logprobs", 1},   {"echo", max_tokens < 2}, {"temperature", 0}};
}

size_t characters(const std::string& text) {
  size_t count = 0;
  for (const char byte : text) {
    count += (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U ? 1 : 0;
  }
  return count;
}

// The harness reads token_logprobs[context:-1]: without the last entry it would leave a token out.
TEST_F(Logprobs, AnEchoHasOneEntryMoreThanItsPromptAlsoIfTheAnswerEndsAtOnce) {
  const std::vector<int32_t> prompt = finished_prompt();
  const json choice = answer_of(scored(prompt, 1))["choices"][0];
  ASSERT_EQ(choice["finish_reason"], "stop") << "what was drawn is EOS";
  const json& scores = choice["logprobs"];
  for (const char* list : {"tokens", "token_logprobs", "top_logprobs", "text_offset"}) {
    EXPECT_EQ(scores[list].size(), prompt.size() + 1) << list;
  }
  EXPECT_EQ(scores["tokens"].back(), "<｜end▁of▁sentence｜>");
  EXPECT_EQ(scores["text_offset"].back(), characters(choice["text"]));
  EXPECT_EQ(answer_of(scored(prompt, 0))["choices"][0]["logprobs"]["tokens"].size(), prompt.size());
}

TEST_F(Logprobs, AStreamedEchoHasThemToo) {
  json body = scored(finished_prompt(), 1);
  const json whole = answer_of(body)["choices"][0]["logprobs"]["tokens"];
  body["stream"] = true;
  json streamed = json::array();
  for (const json& event : fixture_.post("/v1/completions", body)->events()) {
    const json& logprobs = event["choices"][0]["logprobs"];
    for (const json& token : logprobs.is_null() ? json::array() : logprobs["tokens"]) {
      streamed.push_back(token);
    }
  }
  EXPECT_EQ(streamed, whole);
}

/// Tokens that are text of their own stand where their offsets say.
void expect_offsets(const json& choice, const text::Tokenizer& tokenizer) {
  const std::string text = choice["text"];
  const json& scores = choice["logprobs"];
  for (size_t i = 0; i < scores["tokens"].size(); ++i) {
    const std::string token = scores["tokens"][i];
    const bool is_text = !token.starts_with("bytes:") && !tokenizer.id_of(token).has_value();
    const bool is_behind_bytes =
        i > 0 && scores["tokens"][i - 1].get<std::string>().starts_with("bytes:");
    if (!is_text || is_behind_bytes) {
      continue;
    }
    size_t byte = 0;
    while (byte < text.size() && (characters(text.substr(0, byte)) < scores["text_offset"][i] ||
                                  (static_cast<unsigned char>(text[byte]) & 0xC0U) == 0x80U)) {
      ++byte;
    }
    EXPECT_EQ(text.substr(byte, token.size()), token) << i;
  }
}

TEST_F(Logprobs, TokensWithoutTextAndBrokenCharactersShiftNothing) {
  const text::Tokenizer tokenizer = text::Tokenizer::load(testing::mini_model());
  for (const int seed : {11, 32}) {
    json body = scored("Once upon", 40);
    body.update({{"temperature", 2}, {"seed", seed}});
    const json answer = answer_of(body);
    const json& choice = answer["choices"][0];
    EXPECT_EQ(choice["logprobs"]["tokens"].size(), answer["usage"]["completion_tokens"]) << seed;
    expect_offsets(choice, tokenizer);
  }
}

TEST_F(Logprobs, OffsetsCountTheCharactersThatBytesOfThePromptBecome) {
  const text::Tokenizer tokenizer = text::Tokenizer::load(testing::mini_model());
  std::vector<int32_t> prompt = tokenizer.encode("a🙂").ids;
  ASSERT_GT(prompt.size(), 3U);
  prompt.erase(prompt.begin() + 1);  // the lead of a character
  for (const int32_t id : tokenizer.encode("zebra").ids) {
    prompt.push_back(id);
  }
  const json choice = answer_of(scored(prompt, 1))["choices"][0];
  EXPECT_TRUE(choice["text"].get<std::string>().starts_with("a\uFFFD"));
  EXPECT_EQ(choice["logprobs"]["text_offset"].back(), characters(tokenizer.decode(prompt)));
}

TEST_F(Logprobs, ALastChunkWithoutTokensHasNull) {
  json body = scored("She had been", 4);
  body["stream"] = true;
  const std::vector<json> events = fixture_.post("/v1/completions", body)->events();
  EXPECT_EQ(events.back()["choices"][0]["finish_reason"], "length");
  EXPECT_TRUE(events.back()["choices"][0]["logprobs"].is_null()) << events.back();
  EXPECT_FALSE(events.front()["choices"][0]["logprobs"].is_null());
}

TEST_F(Logprobs, FalseAsksForNone) {
  json body = scored("She had been", 4);
  body["logprobs"] = false;
  EXPECT_TRUE(answer_of(body)["choices"][0]["logprobs"].is_null());
  body["logprobs"] = true;
  EXPECT_EQ(fixture_.post("/v1/completions", body)->status(), 422);
}

TEST_F(Logprobs, ATokenOfAStopStringIsNotTold) {
  json body = scored("She had been", 8);
  const json whole = answer_of(body)["choices"][0];
  const std::string third = whole["logprobs"]["tokens"][2];
  body["stop"] = third;
  const json stopped = answer_of(body)["choices"][0];
  EXPECT_EQ(stopped["finish_reason"], "stop");
  EXPECT_LE(stopped["logprobs"]["tokens"].size(), 2U);
  std::string text;
  for (const json& token : stopped["logprobs"]["tokens"]) {
    text += token.get<std::string>();
  }
  EXPECT_EQ(text, stopped["text"]);
}

}  // namespace
}  // namespace levin::serve::api
