// Command lines, help texts, exit codes and the form of errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/levin_process.h"

namespace levin::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kCommands[] = {"ask",        "chat", "generate", "serve",    "inspect",
                                     "bench",      "eval", "logits",   "tokenize", "synth",
                                     "perplexity", "keys", "cache"};

class Help : public ::testing::TestWithParam<const char*> {};

TEST_P(Help, ShowsAnExample) {
  const ProcessResult result = run_levin({GetParam(), "--help"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, HasSubstr(std::string("levin ") + GetParam()));
  EXPECT_THAT(result.out, HasSubstr("Example:"));
}

INSTANTIATE_TEST_SUITE_P(Commands, Help, ::testing::ValuesIn(kCommands));

TEST(Usage, AskShowsThatDocumentsAndQuestionAreRequired) {
  const std::string help = run_levin({"ask", "--help"}).out;
  EXPECT_THAT(help, HasSubstr("Usage: levin ask [OPTIONS] MODEL --file DOC... QUESTION\n"));
  EXPECT_THAT(help, HasSubstr("QUESTION REQUIRED "));
  EXPECT_THAT(help, HasSubstr("--file DOC... REQUIRED "));
}

TEST(Usage, TheExampleOfTheHelpNamesAFileThatIsThere) {
  const std::string file = "models/mini/demo/document.txt";
  EXPECT_THAT(run_levin({"--help"}).out, HasSubstr("levin ask models/mini --file " + file));
  EXPECT_TRUE(std::filesystem::exists(std::string(LEVIN_SOURCE_DIR) + "/" + file));
}

TEST(Usage, HelpListsEveryCommand) {
  const ProcessResult result = run_levin({"--help"});
  for (const char* command : kCommands) {
    EXPECT_THAT(result.out, HasSubstr(std::string("\n  ") + command + " "));
  }
}

TEST(Usage, ChatRefusesJsonAndItsHelpSaysWhatTakesIt) {
  const ProcessResult result = run_levin({"chat", mini_model(), "--json"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("--json"));
  EXPECT_THAT(result.err, HasSubstr("`levin chat --help`"));
  EXPECT_THAT(run_levin({"chat", "--help"}).out, HasSubstr("`levin generate --json`"));
}

TEST(Usage, HelpDocumentsTheExitCodes) {
  const ProcessResult result = run_levin({"--help"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, HasSubstr("Exit codes: 0 ok, 1 internal error, 2 wrong usage"));
}

TEST(Usage, VersionIsPrinted) { EXPECT_THAT(run_levin({"--version"}).out, StartsWith("levin 0.")); }

TEST(Usage, MissingAndUnknownCommandsAreNamed) {
  const ProcessResult missing = run_levin({});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_EQ(missing.err, "levin: error: a command is missing; see `levin --help`\n");
  EXPECT_THAT(run_levin({"dance"}).err, HasSubstr("there is no command \"dance\""));
}

TEST(Usage, UnknownOptionPointsToTheCommandsHelp) {
  const ProcessResult result = run_levin({"bench", mini_model(), "--fast"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, StartsWith("levin: error: "));
  EXPECT_THAT(result.err, HasSubstr("--fast"));
  EXPECT_THAT(result.err, HasSubstr("`levin bench --help`"));
}

TEST(Usage, MissingModelIsNotFound) {
  const ProcessResult result = run_levin({"inspect", "/nowhere"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.err, StartsWith("levin: error: /nowhere"));
}

TEST(Usage, JsonModePrintsErrorsAsAnObjectToo) {
  const ProcessResult result = run_levin({"inspect", "/nowhere", "--json"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.err, StartsWith("levin: error: "));
  const auto error = nlohmann::json::parse(result.out).at("error");
  EXPECT_EQ(error.at("code"), "not_found");
  EXPECT_EQ(error.at("exit_code"), 4);
  EXPECT_THAT(error.at("message").get<std::string>(), HasSubstr("/nowhere"));
}

TEST(Usage, JsonModeCoversUsageErrors) {
  const ProcessResult result = run_levin({"inspect", "--json"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(nlohmann::json::parse(result.out).at("error").at("code"), "invalid_argument");
}

}  // namespace
}  // namespace levin::testing
