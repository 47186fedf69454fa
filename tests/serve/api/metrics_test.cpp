// The small endpoints: metrics, models, balance without accounts.
#include "serve/api/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service_fixture.h"

namespace levin::serve::api {
namespace {

using testing::chat_body;
using ::testing::HasSubstr;
using testing::json;
using ::testing::Not;
using testing::ServiceFixture;

TEST(Metrics, TellOfRequestsTokensAndTheEngine) {
  ServiceFixture fixture;
  const json usage = fixture.post("/v1/chat/completions", chat_body())->json()["usage"];
  (void)fixture.post("/v1/chat/completions", json::object());
  const std::string text = fixture.ask("GET", "/metrics", "")->body();
  EXPECT_THAT(
      text, HasSubstr("levin_http_requests_total{endpoint=\"chat/completions\",status=\"200\"} 1"));
  EXPECT_THAT(
      text, HasSubstr("levin_http_requests_total{endpoint=\"chat/completions\",status=\"422\"} 1"));
  EXPECT_THAT(text, HasSubstr("levin_time_to_first_token_seconds_count 1"));
  EXPECT_THAT(text, HasSubstr("levin_inter_token_seconds_bucket{le=\"0.1\"}"));
  EXPECT_THAT(text, HasSubstr("levin_usage_tokens_total{kind=\"completion\"} " +
                              usage["completion_tokens"].dump()));
  EXPECT_THAT(text, HasSubstr("levin_requests{state=\"waiting\"} 0"));
  EXPECT_THAT(text, HasSubstr("# TYPE levin_cache_pages gauge"));
  EXPECT_THAT(text, HasSubstr("levin_attention_rows_read_total "));
  EXPECT_THAT(text, HasSubstr("levin_index_keys_scored_total"));
  EXPECT_THAT(text, HasSubstr("levin_index_keys_selected_total"));
  for (const char* part : {"indexer", "attention", "other"}) {
    const std::string sample =
        "levin_forward_seconds_total{phase=\"decode\",part=\"" + std::string(part) + "\"} ";
    EXPECT_THAT(text, HasSubstr(sample));
    EXPECT_THAT(text, Not(HasSubstr(sample + "0\n")));
  }
  EXPECT_THAT(text, HasSubstr("levin_memory_bytes{kind=\"anonymous\"}"));
}

TEST(Models, TellOfContextAndAttention) {
  ServiceFixture fixture;
  const json list = fixture.ask("GET", "/v1/models", "")->json();
  EXPECT_EQ(list["object"], "list");
  EXPECT_EQ(list["data"][0]["id"], "mini");
  EXPECT_EQ(list["data"][1]["id"], "deepseek-chat");
  EXPECT_EQ(list["data"][0]["levin"]["attention"], "sparse");
  EXPECT_EQ(list["data"][0]["levin"]["context_tokens"], 1024);
}

TEST(Balance, WithoutAccountsEverythingIsAvailable) {
  ServiceFixture fixture;
  const json balance = fixture.ask("GET", "/user/balance", "")->json();
  EXPECT_EQ(balance["is_available"], true);
  EXPECT_EQ(balance["balance_infos"], json::array());
}

TEST(CountRows, SparseQueriesReadAtMostTheirSelection) {
  Spending dense;
  count_rows(0, 10, 0, dense);
  EXPECT_EQ(dense.rows_read, 55);
  EXPECT_EQ(dense.rows_visible, 55);
  Spending sparse;
  count_rows(0, 10, 4, sparse);
  EXPECT_EQ(sparse.rows_read, 1 + 2 + 3 + 4 * 7);
  EXPECT_EQ(sparse.rows_visible, 55);
  Spending tail;
  count_rows(8, 10, 4, tail);
  EXPECT_EQ(tail.rows_read, 8);
  EXPECT_EQ(tail.rows_visible, 9 + 10);
}

}  // namespace
}  // namespace levin::serve::api
