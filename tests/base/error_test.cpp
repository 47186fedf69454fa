#include "base/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace levin::base {
namespace {

using ::testing::HasSubstr;

TEST(Error, TheSentenceStartsWithThePlace) {
  const Error error(ErrorCode::kInvalidFile, "is damaged", "model.safetensors");
  EXPECT_STREQ(error.what(), "model.safetensors: is damaged");
  EXPECT_EQ(error.where(), "model.safetensors");
  EXPECT_EQ(error.code(), ErrorCode::kInvalidFile);
}

TEST(Error, WithoutAPlaceThereIsOnlyTheSentence) {
  EXPECT_STREQ(Error(ErrorCode::kIo, "the disk is full").what(), "the disk is full");
}

TEST(Error, ThrowErrorFormats) {
  try {
    throw_error(ErrorCode::kInvalidArgument, "top_p", "{} expected, got {}", "0 to 1", 1.5);
    FAIL() << "an error was expected";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "top_p: 0 to 1 expected, got 1.5");
  }
}

TEST(Error, EveryCodeHasItsOwnName) {
  const std::set<std::string_view> names = {error_code_name(ErrorCode::kInvalidArgument),
                                            error_code_name(ErrorCode::kInvalidFile),
                                            error_code_name(ErrorCode::kNotFound),
                                            error_code_name(ErrorCode::kUnsupported),
                                            error_code_name(ErrorCode::kIo),
                                            error_code_name(ErrorCode::kOutOfMemory),
                                            error_code_name(ErrorCode::kContextTooLong),
                                            error_code_name(ErrorCode::kCancelled),
                                            error_code_name(ErrorCode::kInternal)};
  EXPECT_EQ(names.size(), 9U);
  EXPECT_TRUE(names.contains("invalid_file"));
}

TEST(Shown, LeavesPlainNamesAsTheyAre) {
  EXPECT_EQ(shown("model.layers.0.mlp.gate"), "model.layers.0.mlp.gate");
  EXPECT_EQ(shown("深夜"), "深夜");
  EXPECT_EQ(shown(""), "");
  EXPECT_EQ(quote("a"), "\"a\"");
}

TEST(Shown, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(shown("a\x1b[2Jb\nc\r\t"), "a\\x1b[2Jb\\nc\\r\\t");
  EXPECT_EQ(quote("say \"a\\b\""), "\"say \\\"a\\\\b\\\"\"");
  EXPECT_EQ(shown(std::string("a\0b", 3)), "a\\x00b");
}

TEST(Shown, EscapesBytesOfIllFormedUtf8) {
  EXPECT_EQ(shown("\xFF!"), "\\xff!");
  EXPECT_EQ(quote("ab\xEF\xBD"), "\"ab\\xef\\xbd\"");
  const std::string whole = "a\u00e9\uff5c\U0001f600";
  for (size_t length = 0; length <= whole.size(); ++length) {
    EXPECT_EQ(shown(whole.substr(0, length)).empty(), length == 0) << length;
    EXPECT_EQ(shown(whole.substr(length)).empty(), length == whole.size()) << length;
  }
}

TEST(Shown, CutsAfterEightyCharacters) {
  EXPECT_EQ(shown(std::string(80, 'x')), std::string(80, 'x'));
  EXPECT_EQ(shown(std::string(81, 'x')), std::string(80, 'x') + "...");
  std::string wide;
  for (int i = 0; i < 100; ++i) {
    wide += "深";
  }
  EXPECT_EQ(quote(wide), "\"" + wide.substr(0, 240) + "...\"");
}

TEST(Check, ABrokenInvariantNamesConditionAndPlace) {
  EXPECT_NO_THROW(LEVIN_CHECK(1 + 1 == 2));
  try {
    LEVIN_CHECK(1 + 1 == 3);
    FAIL() << "an error was expected";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInternal);
    EXPECT_THAT(error.what(), HasSubstr("1 + 1 == 3"));
    EXPECT_THAT(error.what(), HasSubstr("error_test.cpp"));
  }
}

}  // namespace
}  // namespace levin::base
