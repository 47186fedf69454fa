// Rows of the table: what is counted together, and compared with what.
#include "eval/eval_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "eval/eval_run.h"
#include "eval/lookup_depths.h"

namespace levin::eval {
namespace {

using ::testing::HasSubstr;

LookupDocument document(int64_t length, const std::string& wording, int64_t hops,
                        const std::vector<double>& depths) {
  LookupDocument result;
  result.length = length;
  result.wording = wording;
  result.hops = hops;
  for (const double depth : depths) {
    result.questions.push_back({.question = "?", .answer = "1", .depth = depth});
  }
  return result;
}

std::vector<LookupAnswer> verdicts(const std::vector<bool>& right) {
  std::vector<LookupAnswer> answers;
  for (const bool is_right : right) {
    answers.push_back({.text = "", .is_right = is_right});
  }
  return answers;
}

Contestant contestant(const std::string& name) {
  return {.name = name, .answers = {}, .text = {}, .mass = {}, .is_baseline = false};
}

TEST(EvalReport, CountsWordingsHopsAndLengthsApart) {
  const std::vector<LookupDocument> documents = {
      document(2048, "first", 1, {0.1, 0.2}), document(1024, "first", 1, {0.3}),
      document(1024, "first", 2, {0.3}), document(2048, "first", 1, {0.5})};
  Contestant dense = contestant("dense");
  dense.answers = {verdicts({true, true}), verdicts({true}), verdicts({false}), verdicts({false})};
  Contestant sparse = contestant("sparse");
  sparse.answers = {verdicts({true, false}), verdicts({true}), verdicts({true}), verdicts({false})};
  const std::vector<Contestant> contestants = {dense, sparse};
  const std::vector<ReportRow> rows = make_report(documents, contestants, 128);
  ASSERT_EQ(rows.size(), 6U);
  EXPECT_EQ(rows[0].measure, "first wording");
  EXPECT_EQ(rows[0].length, 1024);
  EXPECT_EQ(rows[2].length, 2048);
  EXPECT_EQ(rows[2].count, 3);
  EXPECT_NEAR(rows[2].value.value, 2.0 / 3.0, 1e-12);
  EXPECT_FALSE(rows[2].difference.has_value());
  EXPECT_NEAR(rows[3].difference->value, -1.0 / 3.0, 1e-12);
  EXPECT_EQ(rows[4].measure, "first wording, two hops");
  EXPECT_EQ(rows[5].difference->value, 1.0);
  EXPECT_THAT(report_table(rows), HasSubstr("against dense [95%]"));
}

TEST(EvalReport, ComparesEveryRuleWithTheBaseline) {
  const std::vector<LookupDocument> documents = {document(1024, "first", 1, {0.1, 0.2, 0.3, 0.4})};
  Contestant dense = contestant("dense");
  dense.answers = {verdicts({true, true, true, true})};
  Contestant sparse = contestant("sparse");
  sparse.answers = {verdicts({true, true, true, false})};
  Contestant baseline = contestant("mini-dense (dense)");
  baseline.answers = {verdicts({true, true, false, false})};
  baseline.is_baseline = true;
  const std::vector<Contestant> contestants = {dense, sparse, baseline};
  const std::vector<ReportRow> rows = make_report(documents, contestants, 128);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_FALSE(rows[0].difference.has_value());
  EXPECT_EQ(rows[0].baseline_difference->value, 0.5);
  EXPECT_EQ(rows[1].difference->value, -0.25);
  EXPECT_EQ(rows[1].baseline_difference->value, 0.25);
  EXPECT_EQ(rows[2].difference->value, -0.5);
  EXPECT_FALSE(rows[2].baseline_difference.has_value());
  EXPECT_THAT(report_table(rows), HasSubstr("against the baseline [95%]"));
}

TEST(EvalReport, CountsPositionsBeyondTheBudgetByThemselves) {
  Contestant dense = contestant("dense");
  // Windows of 8, scored from position 2: 5 tokens each; the second half begins at position 4.
  dense.text = TextScores{{1, 2, 3}, 8, 2, {9, 9, 1, 1, 1, 9, 9, 3, 3, 3}};
  Contestant sparse = dense;
  sparse.name = "sparse";
  for (double& nll : sparse.text->token_nll) {
    nll += 0.5;
  }
  Contestant other = sparse;
  other.text->tokens = {4};
  const std::vector<Contestant> contestants = {dense, sparse, other};
  const std::vector<ReportRow> rows = make_report({}, contestants, 2);
  ASSERT_EQ(rows.size(), 6U);
  EXPECT_EQ(rows[0].measure, "perplexity");
  EXPECT_EQ(rows[0].count, 6);
  EXPECT_NEAR(rows[0].value.value, std::exp(2.0), 1e-9);
  EXPECT_NEAR(rows[1].difference->value, std::expm1(0.5), 1e-9);
  EXPECT_NEAR(rows[1].difference->high, std::expm1(0.5), 1e-9) << "equal in every window";
  EXPECT_FALSE(rows[2].difference.has_value()) << "another text, by its tokens";
  EXPECT_EQ(rows[3].measure, "perplexity beyond 2");
  EXPECT_EQ(rows[3].count, 10);
  EXPECT_NEAR(rows[3].value.value, std::exp(4.8), 1e-6);
}

TEST(LookupDepths, CountTenthsOfTheDocument) {
  const std::vector<LookupDocument> documents = {document(2048, "first", 1, {0.0, 0.55, 1.0}),
                                                 document(1024, "first", 1, {0.09})};
  const std::vector<std::vector<LookupAnswer>> answers = {verdicts({true, false, true}),
                                                          verdicts({true})};
  const std::vector<DepthCounts> counts = count_by_depth(documents, answers);
  ASSERT_EQ(counts.size(), 2U);
  EXPECT_EQ(counts[0].length, 1024);
  EXPECT_EQ(counts[0].bins[0].right, 1);
  EXPECT_EQ(counts[1].bins[5].total, 1);
  EXPECT_EQ(counts[1].bins[5].right, 0);
  EXPECT_EQ(counts[1].bins[9].right, 1);
}

TEST(ChooseLookups, TakesLengthsAndAtMostSoManyQuestionsOfEach) {
  const std::vector<LookupDocument> documents = {
      document(1024, "first", 1, {0.1, 0.2}), document(1024, "first", 1, {0.3, 0.4}),
      document(1024, "first", 2, {0.3}), document(2048, "first", 1, {0.5})};
  const std::vector<int64_t> lengths = {1024};
  const std::vector<LookupDocument> chosen = choose_lookups(documents, lengths, 3);
  ASSERT_EQ(chosen.size(), 3U);
  EXPECT_EQ(chosen[1].questions.size(), 1U);
  EXPECT_EQ(chosen[2].hops, 2);
  EXPECT_EQ(choose_lookups(documents, {}, 0).size(), 4U);
  const std::vector<int64_t> missing = {4096};
  EXPECT_THROW((void)choose_lookups(documents, missing, 0), base::Error);
}

}  // namespace
}  // namespace levin::eval
