// levin ask, generate, perplexity and chat on the small trained model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/levin_process.h"
#include "formats/temporary_folder.h"

namespace levin::testing {
namespace {

using nlohmann::json;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// The answer to short_question(); some models begin with a space.
auto is_right_answer() {
  const std::string answer = short_question().answer;
  return AnyOf(answer, " " + answer, answer + "\n", " " + answer + "\n");
}

TEST(Ask, AnswersFromStdinWithASummaryOnStderr) {
  const ProcessResult result =
      run_levin({"ask", mini_model(), "--file", "-", short_question().question}, short_document());
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, is_right_answer());
  EXPECT_THAT(result.err, HasSubstr(" tokens in, "));
  EXPECT_THAT(result.err, HasSubstr("attention read "));
  const std::string last_line =
      result.err.substr(result.err.rfind('\n', result.err.size() - 2) + 1);
  EXPECT_THAT(last_line, ::testing::ContainsRegex("memory [0-9.]+ .*B and [0-9.]+ .*B of mapped "
                                                  "files, peak [0-9.]+ [KMG]i?B\n"));
}

TEST(Ask, JsonReportsTheShareOfTheContextRead) {
  const ProcessResult result = run_levin({"ask", mini_model(), short_question().question, "--file",
                                          "-", "--attention", "sparse", "--json"},
                                         short_document());
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json answer = json::parse(result.out);
  EXPECT_THAT(answer.at("text").get<std::string>(), is_right_answer());
  EXPECT_EQ(answer.at("finish"), "stop");
  EXPECT_LT(answer.at("share_of_context_read"), 1.0);
  EXPECT_GT(answer.at("anonymous_bytes"), 0);
}

TEST(Ask, StatsGoToAFileWhileTheTextStreams) {
  const TemporaryFolder folder;
  const ProcessResult result = run_levin({"ask", mini_model(), short_question().question, "--file",
                                          "-", "--stats", folder.file("stats.json")},
                                         short_document());
  ASSERT_EQ(result.exit_code, 0) << result.err;
  std::ifstream file(folder.file("stats.json"));
  const json stats = json::parse(file);
  EXPECT_EQ(stats.at("text").get<std::string>() + "\n", result.out);
  EXPECT_GT(stats.at("visible_rows"), 0);
}

TEST(Ask, StatsThatCannotBeWrittenAreRefusedBeforeTheDocumentIsRead) {
  const ProcessResult result =
      run_levin({"ask", mini_model(), "x", "--file", "-", "--stats", "/nowhere/stats.json"},
                short_document());
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("/nowhere/stats.json"));
}

TEST(Ask, SeveralDocumentsAreJoined) {
  const TemporaryFolder folder;
  const std::string text = short_document();
  std::ofstream(folder.file("a")) << text.substr(0, 700);
  std::ofstream(folder.file("b")) << text.substr(700);
  const ProcessResult result = run_levin({"ask", mini_model(), "--file", folder.file("a"),
                                          folder.file("b"), short_question().question});
  EXPECT_THAT(result.out, is_right_answer()) << result.err;
}

TEST(Ask, AForgottenQuestionIsNotTheLastDocument) {
  const TemporaryFolder folder;
  std::ofstream(folder.file("a")) << "one";
  std::ofstream(folder.file("b")) << "two";
  for (const std::string& last : {folder.file("b"), std::string("-")}) {
    const ProcessResult result =
        run_levin({"ask", mini_model(), "--file", folder.file("a"), last}, "three");
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, HasSubstr("QUESTION: is missing: " + last + " is a document"));
  }
  EXPECT_EQ(run_levin({"ask", mini_model(), folder.file("b"), "--file", folder.file("a"),
                       "--max-tokens", "1"})
                .exit_code,
            0)
      << "before --file a question may be called like a file";
}

TEST(Ask, PlainIsTheDocumentABlankLineAndTheQuestion) {
  const ProcessResult ask = run_levin(
      {"ask", mini_model(), "--plain", "--file", "-", "And then?", "--max-tokens", "4", "--json"},
      "It is a truth.");
  ASSERT_EQ(ask.exit_code, 0) << ask.err;
  const ProcessResult generate =
      run_levin({"generate", mini_model(), "--plain", "--prompt", "It is a truth.\n\nAnd then?",
                 "--max-tokens", "4", "--json"});
  ASSERT_EQ(generate.exit_code, 0) << generate.err;
  EXPECT_EQ(json::parse(ask.out).at("prompt_tokens"),
            json::parse(generate.out).at("prompt_tokens"));
  EXPECT_EQ(json::parse(ask.out).at("tokens"), json::parse(generate.out).at("tokens"));
}

TEST(Ask, RefusesAPromptLongerThanTheContext) {
  const ProcessResult result =
      run_levin({"ask", mini_model(), "--file", "-", short_question().question, "--ctx", "100"},
                short_document());
  EXPECT_EQ(result.exit_code, 8);
  EXPECT_THAT(result.err, HasSubstr("tokens, the context holds 100"));
  EXPECT_THAT(result.err, HasSubstr("raise --ctx or shorten the text"));
}

TEST(Ask, RefusesEmptyDocumentsAndQuestions) {
  EXPECT_THAT(run_levin({"ask", mini_model(), "--file", "-", "x"}).err,
              HasSubstr("--file: the documents are empty"));
  const ProcessResult result = run_levin({"ask", mini_model(), "--file", "-"}, "text");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("QUESTION: is missing or empty"));
}

TEST(Ask, MissingDocumentIsNotFound) {
  const ProcessResult result = run_levin({"ask", mini_model(), "--file", "/nowhere.txt", "x"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.err, StartsWith("levin: error: /nowhere.txt"));
}

TEST(Generate, EqualSeedsGiveEqualTexts) {
  const auto run = [](const std::string& seed) {
    return run_levin({"generate", mini_model(), "--prompt", "It is", "--plain", "--max-tokens",
                      "12", "--temperature", "1", "--seed", seed});
  };
  const ProcessResult first = run("1");
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_EQ(first.out, run("1").out);
  EXPECT_NE(first.out, run("2").out);
}

TEST(Generate, TokensInWithoutATokenizerGiveTokensOut) {
  const ProcessResult result = run_levin({"generate", test_data("golden/v32-fp8"), "--tokens", "-",
                                          "--max-tokens", "3", "--ignore-eos"},
                                         "1 2 3");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(std::count(result.out.begin(), result.out.end(), ' '), 3);
}

TEST(Generate, JsonHasLogprobsExpertsAndSamplingMask) {
  const ProcessResult result =
      run_levin({"generate", mini_model(), "--prompt", "It is", "--plain", "--max-tokens", "2",
                 "--temperature", "1", "--top-k", "3", "--logprobs", "2", "--experts",
                 "--sampling-mask", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json details = json::parse(result.out).at("token_details");
  ASSERT_EQ(details.size(), 2U);
  EXPECT_EQ(details[0].at("top_logprobs").size(), 2U);
  EXPECT_EQ(details[0].at("sampling_mask").size(), 3U);
  EXPECT_EQ(details[0].at("expert_ids").size(), 4U);
}

TEST(Generate, IllFormedPromptsAreRepairedWithOneWarning) {
  const ProcessResult result =
      run_levin({"generate", mini_model(), "--prompt", "a\xFF\xC3z", "--max-tokens", "1"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.err, HasSubstr("prompt: 2 ill-formed UTF-8 sequences were read as U+FFFD\n"));
}

TEST(Generate, IdsOutsideTheVocabularyAndEmptyTokenFilesAreRefused) {
  const auto run = [](const std::string& ids) {
    return run_levin({"generate", mini_model(), "--tokens", "-"}, ids);
  };
  const ProcessResult outside = run("1 4096");
  EXPECT_EQ(outside.exit_code, 3);
  EXPECT_THAT(outside.err, HasSubstr("standard input: token 4096 at position 1 is outside the "
                                     "vocabulary [0, 4096)"));
  EXPECT_EQ(run("1 -2").exit_code, 3);
  EXPECT_EQ(run("").exit_code, 2);
}

TEST(Generate, RefusesEmptyPrompts) {
  const ProcessResult empty = run_levin({"generate", mini_model(), "--prompt", ""});
  EXPECT_EQ(empty.exit_code, 2);
  EXPECT_THAT(empty.err, HasSubstr("--prompt: the prompt is empty"));
  EXPECT_EQ(run_levin({"generate", mini_model()}).exit_code, 2);
}

TEST(Generate, FullDiskIsAnIoError) {
  const ProcessResult result = run_levin({"generate", mini_model(), "--prompt", "x", "--plain"}, "",
                                         {.stdout_path = "/dev/full"});
  EXPECT_EQ(result.exit_code, 6);
  EXPECT_THAT(result.err, HasSubstr("standard output: cannot write: No space left on device"));
}

TEST(Perplexity, IsFiniteAndHasAnError) {
  const TemporaryFolder folder;
  std::ofstream(folder.file("text")) << short_document();
  const ProcessResult result = run_levin(
      {"perplexity", mini_model(), "--file", folder.file("text"), "--ctx", "128", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json report = json::parse(result.out);
  EXPECT_GT(report.at("perplexity"), 1.0);
  EXPECT_LT(report.at("perplexity"), 500.0);
  EXPECT_GT(report.at("standard_error"), 0.0);
  EXPECT_EQ(report.at("scored_tokens"), report.at("windows").get<int>() * 63);
}

TEST(Perplexity, TextShorterThanAWindowIsRefusedBeforeTheWeightsAreRead) {
  const TemporaryFolder folder;  // without weights
  for (const char* name : {"config.json", "tokenizer.json", "tokenizer_config.json"}) {
    std::filesystem::copy_file(mini_model() + "/" + name, folder.file(name));
  }
  const auto run = [&](const std::string& text) {
    return run_levin({"perplexity", folder.path(), "--file", "-", "--ctx", "128"}, text);
  };
  const ProcessResult window = run("It is a truth universally acknowledged");
  EXPECT_EQ(window.exit_code, 2);
  EXPECT_THAT(window.err, HasSubstr("a window of 128 tokens does not suit a text of"));
  const ProcessResult any = run("a");
  EXPECT_EQ(any.exit_code, 2);
  EXPECT_THAT(any.err, HasSubstr("text: has 2 tokens, the shortest window has 4"));
}

TEST(Chat, KeepsSavesAndLoadsAConversation) {
  const TemporaryFolder folder;
  const ProcessResult result = run_levin(
      {"chat", mini_model(), "--max-tokens", "8", "--system", "Be brief."},
      "Hello\n/stats\n/system\n/save " + folder.file("c.json") + "\n/reset\n/load " +
          folder.file("c.json") + "\n/dance\n/load /nowhere\nAnd you?\n/exit\nnever read\n");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("tokens in"));
  EXPECT_THAT(result.out, HasSubstr("Be brief.\n"));
  EXPECT_THAT(result.out, HasSubstr("3 messages\n"));
  EXPECT_THAT(result.err, HasSubstr("/dance: there is no such command"));
  EXPECT_THAT(result.err, HasSubstr("levin: error: /nowhere"));
  std::ifstream saved(folder.file("c.json"));
  EXPECT_EQ(json::parse(saved).at("messages")[1].at("content"), "Hello");
}

TEST(Chat, EndsWhenItCannotWriteOrReadAnyMore) {
  const std::vector<std::string> words = {"chat", mini_model(), "--max-tokens", "2"};
  const ProcessResult full = run_levin(words, "Hello\nHello\n", {.stdout_path = "/dev/full"});
  EXPECT_EQ(full.exit_code, 6);
  EXPECT_THAT(full.err, HasSubstr("standard output: cannot write"));
  const ProcessResult endless = run_levin(words, std::string((64 << 20) + 8192, 'x'));
  EXPECT_EQ(endless.exit_code, 2);
  EXPECT_THAT(endless.err, HasSubstr("standard input: a line is longer than"));
}

/// A random model that can think: the small tokenizer with </think> in place of the padding token.
std::string write_thinking_model(const TemporaryFolder& folder) {
  const std::string model = folder.file("thinking");
  const ProcessResult synth = run_levin(
      {"synth", test_data("configs/tiny.json"), "--out", model, "--set", "vocab_size=4096"});
  EXPECT_EQ(synth.exit_code, 0) << synth.err;
  std::ostringstream content;
  content << std::ifstream(test_data("text/mini_tokenizer.json"), std::ios::binary).rdbuf();
  std::string tokenizer = content.str();
  const std::string padding = "<｜▁pad▁｜>";
  for (size_t pos = tokenizer.find(padding); pos != std::string::npos;
       pos = tokenizer.find(padding)) {
    tokenizer.replace(pos, padding.size(), "</think>");
  }
  std::ofstream(model + "/tokenizer.json", std::ios::binary) << tokenizer;
  return model;
}

TEST(Chat, HalfAThoughtIsNoAnswer) {
  const TemporaryFolder folder;
  const ProcessResult result = run_levin(
      {"chat", write_thinking_model(folder), "--think", "--max-tokens", "3", "--ignore-eos"},
      "Hello\n/save " + folder.file("c.json") + "\n");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("(the thinking did not come to its end"));
  std::ifstream saved(folder.file("c.json"));
  EXPECT_TRUE(json::parse(saved).at("messages").empty());
}

TEST(Chat, CtrlCStopsTheAnswerAndNotTheProgram) {
  LevinProcess levin(
      {"chat", mini_model(), "--ignore-eos", "--max-tokens", "0", "--numerics", "reference"},
      "Hello\n/stats\n");
  ASSERT_TRUE(levin.wait_for_output(1));
  levin.interrupt();
  const ProcessResult result = levin.wait();
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.err, HasSubstr("(stopped)"));
  EXPECT_THAT(result.out, HasSubstr("tokens in"));
}

}  // namespace
}  // namespace levin::testing
