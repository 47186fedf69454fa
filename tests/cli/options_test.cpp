// Values of options that cannot be used: one sentence that names the option as it is typed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "cli/levin_process.h"
#include "formats/temporary_folder.h"

namespace levin::testing {
namespace {

using ::testing::HasSubstr;

struct BadValue {
  std::vector<std::string> words;  // behind `levin COMMAND MODEL`; the first is the command
  std::string sentence;
};

class BadValues : public ::testing::TestWithParam<BadValue> {};

TEST_P(BadValues, AreUsageErrorsThatNameTheOption) {
  std::vector<std::string> words = GetParam().words;
  words.insert(words.begin() + 1, mini_model());
  const ProcessResult result = run_levin(words);
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("levin: error: " + GetParam().sentence));
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
}

INSTANTIATE_TEST_SUITE_P(
    Numbers, BadValues,
    ::testing::Values(
        BadValue{{"chat", "--temperature", "abc"},
                 "--temperature: a number from 0 up expected, got \"abc\""},
        BadValue{{"chat", "--temperature", "nan"}, "--temperature: a number from 0 up expected"},
        BadValue{{"chat", "--temperature", "-1"}, "--temperature: a number from 0 up expected"},
        BadValue{{"chat", "--temperature", "1e999"}, "--temperature: a number from 0 up expected"},
        BadValue{{"chat", "--temperature", "1,5"}, "--temperature: a number from 0 up expected"},
        BadValue{{"chat", "--top-p", "2"},
                 "--top-p: a number above 0 and up to 1 (off) expected, got \"2\""},
        BadValue{{"chat", "--min-p", "-0.5"}, "--min-p: a number from 0 (off) to 1 expected"},
        BadValue{{"chat", "--top-k", "1.5"}, "--top-k: a whole number from 0 to"},
        BadValue{{"chat", "--repetition-penalty", "0"},
                 "--repetition-penalty: a number above 0 expected"},
        BadValue{{"chat", "--seed", "99999999999999999999"},
                 "--seed: a whole number from 0 to 9223372036854775807"},
        BadValue{{"chat", "--max-tokens", "0x10"}, "--max-tokens: a whole number from 0 to"},
        BadValue{{"chat", "--max-tokens", "010"}, "--max-tokens: a whole number from 0 to"},
        BadValue{{"chat", "--threads", "many"},
                 "--threads: a whole number from 0 to 1024 expected, got \"many\""},
        BadValue{{"inspect", "--attention", "some"}, "--attention: "},
        BadValue{{"inspect", "--contexts", "1,a"}, "--contexts: a whole number from 1 to"},
        BadValue{{"bench", "--depth", "-1"}, "--depth: a whole number from 0 to"}));

INSTANTIATE_TEST_SUITE_P(
    Words, BadValues,
    ::testing::Values(
        BadValue{{"chat", "--attention", "flash"},
                 "--attention: one of auto, dense, sparse expected, got \"flash\""},
        BadValue{{"chat", "--stop", ""}, "--stop: is empty"},
        BadValue{{"chat", "--stop", "\xFF"}, "--stop: is not valid UTF-8"},
        BadValue{{"chat", "--seed"}, "--seed: its value is missing"},
        BadValue{{"generate", "--promt", "x"}, "there is no option \"--promt\""},
        BadValue{{"ask", "--fil=x"}, "there is no option \"--fil\""},
        BadValue{{"ask", "--max-tokens", "x", "--"}, "--max-tokens: a whole number"},
        BadValue{{"chat", "--seed", "1", "--seed", "2"}, "--seed: is given more than once"},
        BadValue{{"inspect", "--json=please"}, "--json: takes no value"},
        BadValue{{"bench", "--chunk", "0", "--decode", "0"}, "--chunk and --decode are both 0"},
        BadValue{{"chat", "--plain", "--think"}, "--think excludes --plain"},
        BadValue{{"chat", "--ctx", "16385"}, "--ctx: at most 16384 tokens expected"},
        BadValue{{"perplexity", "--file", "-", "--ctx", "16385"}, "--ctx: at most 16384"}));

struct ListBefore {
  std::vector<std::string> words;  // a list, then what the command is about, then more
  int exit_code;
  std::string output;  // part of stdout, or of stderr where the command fails
};

class ListsBefore : public ::testing::TestWithParam<ListBefore> {};

TEST_P(ListsBefore, DoNotSwallowThePositional) {
  const ProcessResult result = run_levin(GetParam().words);
  EXPECT_EQ(result.exit_code, GetParam().exit_code) << result.err;
  EXPECT_THAT(result.out + result.err, HasSubstr(GetParam().output));
}

INSTANTIATE_TEST_SUITE_P(
    Commands, ListsBefore,
    ::testing::Values(
        ListBefore{{"generate", "--stop", ".", mini_model(), "--prompt", "x", "--plain",
                    "--max-tokens", "1", "--json"},
                   0,
                   "\"generated_tokens\": 1"},
        ListBefore{{"bench", "--depth", "0,64", mini_model(), "--attention", "dense", "--chunk",
                    "16", "--decode", "1", "--repetitions", "1", "--json"},
                   0,
                   "\"depth\": 64"},
        ListBefore{{"bench", "--attention", "dense", mini_model(), "--depth", "16384", "--json"},
                   8,
                   "the model's limit is 16384"},
        ListBefore{
            {"inspect", "--contexts", "64", mini_model(), "--json"}, 0, "\"context_tokens\": 64"},
        ListBefore{{"synth", "--set", "index_topk=0", test_data("configs/tiny.json"), "--out",
                    "/nowhere/model"},
                   2,
                   "error: --set index_topk=0: "},
        ListBefore{{"logits", "--dump", "hidden", test_data("golden/v32-fp8"), "--tokens", "-",
                    "--out", "/dev/full"},
                   6,
                   "/dev/full: is not a regular file"},
        ListBefore{{"eval", "--lengths", "64", mini_model(), "--compare", "dense", "--json"},
                   2,
                   "nothing to evaluate"},
        ListBefore{{"eval", "--compare", "dense,sparse", mini_model(), "--seed", "1"},
                   2,
                   "nothing to evaluate"}));

struct BadModel {
  std::vector<std::string> words;
  int exit_code;
  std::string sentence;
};

class BadModels : public ::testing::TestWithParam<BadModel> {};

TEST_P(BadModels, AreToldFromOneAnother) {
  const ProcessResult result = run_levin(GetParam().words);
  EXPECT_EQ(result.exit_code, GetParam().exit_code);
  EXPECT_THAT(result.err, HasSubstr(GetParam().sentence));
}

const std::string kFile = mini_model() + "/config.json";

INSTANTIATE_TEST_SUITE_P(
    AnyCommand, BadModels,
    ::testing::Values(
        BadModel{{"ask", kFile, "--file", "-", "x"}, 2, "is no folder; MODEL is the folder"},
        BadModel{{"chat", "/nowhere"}, 4, "/nowhere: there is no such folder"},
        BadModel{{"bench", test_data("")}, 4, "holds no config.json; MODEL is a folder with one"},
        BadModel{{"inspect", ""}, 2, "MODEL: is empty; name a folder"},
        BadModel{{"logits", kFile, "--tokens", "-", "--out", "/tmp/x"}, 2, "is no folder"},
        BadModel{{"perplexity", "/nowhere", "--file", "-"}, 4, "there is no such folder"},
        BadModel{{"generate", test_data("golden/v32-fp8"), "--prompt", "x"},
                 4,
                 "holds no tokenizer.json; MODEL is a folder with one"},
        BadModel{{"inspect", std::string(300, 'x')}, 6, "cannot open: File name too long"},
        BadModel{{"tokenize", kFile}, 2, "is no folder; DIR is the folder"}));

TEST(HiddenModels, WithoutPermissionAreAnIoErrorAndNotMissing) {
  if (::geteuid() == 0) {
    GTEST_SKIP() << "root may look everywhere";
  }
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.file("model"));
  std::filesystem::permissions(folder.path(), std::filesystem::perms::none);
  const ProcessResult result = run_levin({"inspect", folder.file("model")});
  std::filesystem::permissions(folder.path(), std::filesystem::perms::owner_all);
  EXPECT_EQ(result.exit_code, 6);
  EXPECT_THAT(result.err, HasSubstr(folder.file("model") + ": cannot open: Permission denied"));
}

TEST(OddModels, LinksInACircleAndPipesAreIoErrorsAtOnce) {
  for (const char* name : {"config.json", "model.safetensors", "tokenizer.json"}) {
    const TemporaryFolder folder;
    for (const char* other : {"config.json", "model.safetensors", "tokenizer.json"}) {
      if (std::string(other) != name) {
        std::filesystem::create_symlink(mini_model() + "/" + other, folder.file(other));
      }
    }
    const auto generate = [&] {
      return run_levin({"generate", folder.path(), "--prompt", "x", "--max-tokens", "1"});
    };
    std::filesystem::create_symlink(folder.file(name), folder.file(name));
    ProcessResult result = generate();
    EXPECT_EQ(result.exit_code, 6) << name;
    EXPECT_THAT(result.err, HasSubstr("Too many levels of symbolic links")) << name;
    std::filesystem::remove(folder.file(name));
    ASSERT_EQ(::mkfifo(folder.file(name).c_str(), 0600), 0);
    result = generate();
    EXPECT_EQ(result.exit_code, 6) << name;
    EXPECT_THAT(result.err, HasSubstr("is a pipe or a device, a regular file was expected"));
  }
}

class FullDisk : public ::testing::TestWithParam<std::vector<std::string>> {};

TEST_P(FullDisk, IsAnIoErrorWithOneSentence) {
  const ProcessResult result = run_levin(GetParam(), "1 2 3", {.stdout_path = "/dev/full"});
  EXPECT_EQ(result.exit_code, 6);
  EXPECT_THAT(result.err, HasSubstr("standard output: cannot write: No space left on device"));
}

INSTANTIATE_TEST_SUITE_P(
    Commands, FullDisk,
    ::testing::Values(std::vector<std::string>{"--version"}, std::vector<std::string>{"--help"},
                      std::vector<std::string>{"synth", "--help"},
                      std::vector<std::string>{"tokenize", mini_model()},
                      std::vector<std::string>{"tokenize", mini_model(), "--decode", "--json"},
                      std::vector<std::string>{"inspect", mini_model()},
                      std::vector<std::string>{"bench", mini_model(), "--depth", "0", "--decode",
                                               "1"},
                      std::vector<std::string>{"ask", mini_model(), "--file", "-", "x", "--json",
                                               "--max-tokens", "1"},
                      std::vector<std::string>{"generate", mini_model(), "--prompt", "It is",
                                               "--max-tokens", "8", "--ignore-eos"},
                      std::vector<std::string>{"perplexity", mini_model(), "--file",
                                               mini_model() + "/README.md", "--ctx", "64"}));

}  // namespace
}  // namespace levin::testing
