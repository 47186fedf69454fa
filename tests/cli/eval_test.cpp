// levin eval on the small trained model (index_topk 256) and the facts of the demo's document.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "cli/levin_process.h"
#include "formats/temporary_folder.h"
#include "plot/xml_elements.h"

namespace levin::testing {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;

std::string read(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::string demo_document() { return mini_model() + "/demo/document.txt"; }

/// A file with one document, the beginning of the demo's, and a question about each fact in it.
std::string write_questions(const TemporaryFolder& folder, size_t bytes = 4000) {
  const std::string document = read(demo_document()).substr(0, bytes);
  json questions = json::array();
  for (const json& entry : json::parse(read(mini_model() + "/demo/questions.json"))) {
    const auto response = entry.at("answer").get<std::string>();
    const size_t place = document.find(response);
    if (place != std::string::npos) {
      const size_t value = response.rfind(' ') + 1;
      questions.push_back(
          {{"question", entry.at("question")},
           {"answer", response.substr(value, response.size() - value - 1)},
           {"response", response},
           {"fact", response},
           {"depth", static_cast<double>(place) / static_cast<double>(document.size())},
           {"prompt_tokens", 1}});
    }
  }
  EXPECT_GE(questions.size(), 3U);
  const json line = {{"schema", "levin-lookup/1"},
                     {"id", "demo"},
                     {"length", 2048},
                     {"wording", "first"},
                     {"hops", 1},
                     {"facts", 12},
                     {"document_tokens", 1},
                     {"document", document},
                     {"questions", questions}};
  std::ofstream(folder.file("questions.jsonl")) << line.dump() << "\n";
  return folder.file("questions.jsonl");
}

json row(const json& report, const std::string& measure, const std::string& rule) {
  for (const json& entry : report.at("rows")) {
    if (entry.at("measure") == measure && entry.at("rule") == rule) {
      return entry;
    }
  }
  ADD_FAILURE() << measure << " under " << rule << " is missing";
  return {};
}

TEST(EvalSlow, ComparesRulesAndASecondModelOnQuestionsAndText) {
  const TemporaryFolder folder;
  const ProcessResult result = run_levin({"eval",
                                          mini_model(),
                                          "--questions",
                                          write_questions(folder),
                                          "--text",
                                          demo_document(),
                                          "--ctx",
                                          "512",
                                          "--windows",
                                          "2",
                                          "--compare",
                                          "dense,sparse,recency",
                                          "--baseline",
                                          mini_model(),
                                          "--heat-maps",
                                          folder.file("maps"),
                                          "--answers",
                                          folder.file("answers.jsonl"),
                                          "--json",
                                          "--threads",
                                          "1"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json report = json::parse(result.out);
  EXPECT_EQ(report.at("rules"), json({"dense", "sparse", "recency", "mini (dense)"}));
  EXPECT_EQ(report.at("budget"), 256);

  const json dense = row(report, "first wording", "dense");
  EXPECT_EQ(dense.at("value"), 1.0) << "mini finds these facts";
  EXPECT_EQ(dense.at("high"), 1.0);
  EXPECT_LT(dense.at("low"), 1.0);
  EXPECT_FALSE(dense.contains("difference"));
  EXPECT_EQ(row(report, "first wording", "sparse").at("difference").at("value"), 0.0);
  EXPECT_LT(row(report, "first wording", "recency").at("value"), 0.5);
  EXPECT_EQ(row(report, "first wording", "mini (dense)").at("value"), 1.0);

  EXPECT_EQ(row(report, "perplexity", "dense").at("count"), 2 * 255);
  EXPECT_EQ(row(report, "perplexity beyond 256", "dense").at("count"), 2 * 255);
  EXPECT_GT(row(report, "perplexity beyond 256", "recency").at("difference").at("value"), 0.0);
  EXPECT_EQ(row(report, "perplexity", "mini (dense)").at("difference").at("value"), 0.0);

  const double sparse_mass = row(report, "mass kept, layer 3", "sparse").at("value");
  const double recency_mass = row(report, "mass kept, layer 3", "recency").at("value");
  EXPECT_LE(sparse_mass, 1.0);
  EXPECT_GT(sparse_mass, recency_mass);
  EXPECT_GT(recency_mass, 0.0);

  ASSERT_EQ(report.at("depths").size(), 4U);
  int64_t total = 0;
  for (const json& bin : report.at("depths")[0].at("bins")) {
    total += bin.at("total").get<int64_t>();
  }
  EXPECT_EQ(total, dense.at("count"));

  const std::string svg = read(folder.file("maps") + "/first-wording.sparse.svg");
  EXPECT_THAT(xml_texts(parse_xml(svg), "text"), Contains("first wording: sparse"));
  const json answer = json::parse(
      read(folder.file("answers.jsonl")).substr(0, read(folder.file("answers.jsonl")).find('\n')));
  EXPECT_TRUE(answer.at("rules").at("sparse").at("right"));
  EXPECT_THAT(answer.at("rules").at("sparse").at("text").get<std::string>(), HasSubstr(" is "));
}

TEST(Eval, PrintsOneTable) {
  const TemporaryFolder folder;
  const ProcessResult result =
      run_levin({"eval", mini_model(), "--questions", write_questions(folder), "--limit", "1"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("| first wording |    2048 | dense  |     1 |"));
  EXPECT_THAT(result.out, HasSubstr("| first wording |    2048 | sparse |     1 |"));
}

TEST(Eval, EndsOnCtrlCAndLeavesNoFile) {
  const TemporaryFolder folder;
  const std::string questions = write_questions(folder, 30000);
  LevinProcess levin({"eval", mini_model(), "--questions", questions, "--numerics", "reference",
                      "--compare", "dense,sparse,recency,strided,fixed,random", "--answers",
                      folder.file("answers.jsonl")});
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  levin.send(SIGINT);
  const ProcessResult result = levin.wait();
  EXPECT_EQ(result.exit_code, 130);
  EXPECT_EQ(result.out, "");
  EXPECT_FALSE(std::filesystem::exists(folder.file("answers.jsonl")));
}

TEST(EvalSlow, GoesOnWithItsJournalAndComesToTheSameReport) {
  const TemporaryFolder folder;
  const std::string questions = write_questions(folder, 12000);
  const std::string journal = folder.file("journal.jsonl");
  const std::vector<std::string> words = {"eval",      mini_model(),    "--questions", questions,
                                          "--compare", "dense,recency", "--json"};
  std::vector<std::string> kept = words;
  kept.insert(kept.end(), {"--journal", journal});
  const ProcessResult whole = run_levin(words);
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  LevinProcess interrupted(kept);
  for (int i = 0; i < 10000 && read(journal).empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  interrupted.send(SIGKILL);
  (void)interrupted.wait();
  EXPECT_THAT(read(journal), HasSubstr("dense, budget 256"));
  EXPECT_EQ(run_levin(kept).out, whole.out);
  const std::string full = read(journal);
  EXPECT_EQ(std::count(full.begin(), full.end(), '\n'), 2) << "one document under two rules";
  EXPECT_EQ(run_levin(kept).out, whole.out);
  EXPECT_EQ(read(journal), full) << "nothing was asked again";
}

TEST(Eval, RefusesWhatItCannotRunInOneSentence) {
  const TemporaryFolder folder;
  const std::string questions = write_questions(folder);
  const std::string too_long = folder.file("long.jsonl");
  json line = json::parse(read(questions));
  std::string document = line["document"];
  for (int i = 0; i < 20; ++i) {
    document += document.substr(0, 4000);
  }
  line["document"] = document;
  std::ofstream(too_long) << line.dump();
  const std::string dense = test_data("golden/v3-dense");
  const auto expect = [](const std::vector<std::string>& args, int exit_code,
                         const std::string& sentence) {
    const ProcessResult result = run_levin(args);
    EXPECT_EQ(result.exit_code, exit_code) << sentence;
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, HasSubstr(sentence));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  };
  expect({"eval", mini_model()}, 2, "nothing to evaluate; name --questions, --text or both");
  expect({"eval", mini_model(), "--questions", questions, "--compare", "dense,best"}, 2,
         "--compare: one of dense, sparse, recency, sink+window, strided, fixed, random expected");
  expect({"eval", mini_model(), "--questions", questions, "--compare", "dense,dense"}, 2,
         "--compare: dense is named twice");
  expect({"eval", mini_model(), "--questions", questions, "--lengths", "77"}, 2,
         "--lengths: the file has no questions of length 77");
  expect({"eval", mini_model(), "--text", demo_document(), "--heat-maps", folder.file("m")}, 2,
         "--heat-maps: needs look-up questions: add --questions");
  expect({"eval", mini_model(), "--text", "-", "--ctx", "512"}, 2, "less than one window of 512");
  expect({"eval", mini_model(), "--questions", too_long}, 8, "choose shorter ones with --lengths");
  expect({"eval", mini_model(), "--questions", folder.file("none")}, 4, "none");
  expect({"eval", dense, "--questions", questions, "--compare", "recency"}, 2,
         "the rule recency needs a budget");
  expect({"eval", dense, "--questions", questions, "--compare", "sparse"}, 2, "has no indexer");
  std::ofstream(questions, std::ios::app) << "{\"schema\": ";
  expect({"eval", mini_model(), "--questions", questions}, 3, "questions.jsonl, line 2: is not");
}

}  // namespace
}  // namespace levin::testing
