#include "serve/service_log.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace levin::serve {
namespace {

http::ExchangeRecord record() {
  http::ExchangeRecord made;
  made.id = "0123";
  made.method = "POST";
  made.path = "/v1/chat/completions";
  made.remote_address = "127.0.0.1";
  made.status = 200;
  made.received_bytes = 10;
  made.sent_bytes = 20;
  made.duration = std::chrono::milliseconds(30);
  made.is_complete = true;
  return made;
}

TEST(ServiceLog, WritesAnExchangeAsJson) {
  const auto line = nlohmann::json::parse("{" + exchange_line(record(), true));
  EXPECT_EQ(line["request"], "0123");
  EXPECT_EQ(line["status"], 200);
  EXPECT_EQ(line["sent_bytes"], 20);
  EXPECT_EQ(line["ms"], 30);
  EXPECT_EQ(line["outcome"], "complete");
}

TEST(ServiceLog, WritesAnExchangeForPeople) {
  EXPECT_EQ(exchange_line(record(), false),
            "0123 127.0.0.1 POST \"/v1/chat/completions\" 200 in 10 B, out 20 B, 30 ms");
}

TEST(ServiceLog, WritesWhatAnAnswerTook) {
  api::Spending spent;
  spent.prompt_tokens = 100;
  spent.cached_tokens = 64;
  spent.completion_tokens = 5;
  spent.first_token_s = 0.25;
  const api::AnswerRecord answer{.id = "0123",
                                 .endpoint = "chat/completions",
                                 .model = "mini",
                                 .key_name = "laptop",
                                 .spending = spent,
                                 .cost_usd = "0.000012",
                                 .outcome = "length"};
  const auto line = nlohmann::json::parse("{" + answer_line(answer, true));
  EXPECT_EQ(line["event"], "answer");
  EXPECT_EQ(line["request"], "0123");
  EXPECT_EQ(line["key"], "laptop");
  EXPECT_EQ(line["cached_tokens"], 64);
  EXPECT_EQ(line["cost_usd"], "0.000012");
  EXPECT_EQ(line["outcome"], "length");
  EXPECT_EQ(
      answer_line(answer, false),
      "0123 chat/completions ended (length), key \"laptop\", model \"mini\": 100 tokens in, 64 of "
      "them cached, 5 out, first after 250 ms, 0.000012 USD");
}

TEST(ServiceLog, LetsNoPathForgeALine) {
  http::ExchangeRecord hostile = record();
  hostile.path = "/\"\n\xFF" + std::string(1000, 'x');
  for (const bool is_json : {false, true}) {
    const std::string line = exchange_line(hostile, is_json);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    EXPECT_LT(line.size(), 600U);
  }
}

TEST(ServiceLog, TakesLinesFromAnyCaller) {
  ServiceLog log(true);
  log.exchange(record());
  log.event("started");
  log.warning("careful");
  log.failure("0123", "why");
}

}  // namespace
}  // namespace levin::serve
