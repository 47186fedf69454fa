// How patterns cut text, and what `\s` means in them.
#include "text/pre_tokenizer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test_tokenizers.h"

namespace levin::text {
namespace {

using Pieces = std::vector<std::string>;

Pieces split(const std::vector<std::string>& patterns, std::string_view text) {
  const PreTokenizer pre_tokenizer(patterns, "t.json");
  RegexScratch scratch;
  Pieces pieces;
  pre_tokenizer.split(text, scratch, [&](std::string_view piece) { pieces.emplace_back(piece); });
  return pieces;
}

TEST(PreTokenizer, MatchesAndGapsAreBothPieces) {
  EXPECT_EQ(split({R"(\p{N}{1,3})"}, "ab12345c"), (Pieces{"ab", "123", "45", "c"}));
  EXPECT_EQ(split({}, "ab"), Pieces{"ab"});
  EXPECT_EQ(split({"x"}, ""), Pieces{});
}

TEST(PreTokenizer, EachPatternCutsThePiecesOfTheOneBefore) {
  // The second pattern sees the end of a piece as the end of the text.
  EXPECT_EQ(split({"1", R"(\s+(?!\S)|\s+)"}, "a  1  b"), (Pieces{"a", "  ", "1", " ", " ", "b"}));
}

TEST(PreTokenizer, AnEmptyMatchCutsWithoutBeingAPiece) {
  EXPECT_EQ(split({"(?=深)"}, "a深深"), (Pieces{"a", "深", "深"}));
}

TEST(PreTokenizer, WhiteSpaceIsTheUnicodeProperty) {
  for (const char* space : {"\t", "\n", "\v", "\f", "\r", " ", "\u0085", "\u00A0", "\u1680",
                            "\u2000", "\u200A", "\u2028", "\u2029", "\u202F", "\u205F", "\u3000"}) {
    EXPECT_EQ(split({R"(\s)"}, std::string("a") + space + "b").size(), 3U) << space;
    EXPECT_EQ(split({R"([x\s])"}, std::string("a") + space + "b").size(), 3U) << space;
    EXPECT_EQ(split({R"(\S)"}, space), Pieces{space});
  }
  for (const char* other : {"\u180E", "\u200B", "\uFEFF", "\u001C"}) {
    EXPECT_EQ(split({R"(\s)"}, std::string("a") + other + "b").size(), 1U);
  }
}

TEST(PreTokenizer, PatternsThatTwoEnginesReadDifferentlyAreRefused) {
  const auto error = [](const std::string& pattern) {
    return error_of([&] { PreTokenizer({"x", pattern}, "t.json"); });
  };
  EXPECT_EQ(error(R"([\S])"),
            "t.json: pre_tokenizer pattern 1: \\S inside a character class is not supported in a "
            "pattern");
  EXPECT_EQ(error(R"(\h)"), "t.json: pre_tokenizer pattern 1: \\h is not supported in a pattern");
  EXPECT_EQ(error("[a[bc]]"),
            "t.json: pre_tokenizer pattern 1: a nested character class or && is not supported in a "
            "pattern");
  EXPECT_EQ(error("[[:alpha:]\\]]+"), "");
  for (const char* anchor : {"^a", "a$", "(^|b)a"}) {
    EXPECT_TRUE(error(anchor).ends_with(" is not supported in a pattern")) << anchor;
  }
  EXPECT_EQ(error("a$"),
            "t.json: pre_tokenizer pattern 1: the anchor $ is not supported in a pattern");
  EXPECT_EQ(error("(?m)a."), "t.json: pre_tokenizer pattern 1: (?m) is not supported in a pattern");
  EXPECT_EQ(error("(?m｜a"),
            "t.json: pre_tokenizer pattern 1: (?m｜ is not supported in a pattern");
  EXPECT_EQ(error("(?m"), "t.json: pre_tokenizer pattern 1: (?m is not supported in a pattern");
  for (const char* options : {"(?m:a.)", "(?s)a.", "(?im)a", "(?-m:a)", "a(?i)b|c", "(?P<n>a)"}) {
    EXPECT_TRUE(error(options).ends_with(" is not supported in a pattern")) << options;
  }
  for (const char* fine : {"[$^]", "\\^\\$", "(?i:'s|'t)a", "(?i)a|b", "(?-i:a)", "(?=a)b(?!c)",
                           "(?<!a)b", "(?>a+)", "(?<name>a)"}) {
    EXPECT_EQ(error(fine), "") << fine;
  }
  EXPECT_EQ(error("(a"),
            "t.json: pre_tokenizer pattern 1: the pattern (a does not compile: missing closing "
            "parenthesis");
}

TEST(PreTokenizer, ABracketInFrontOfAClassStandsForItself) {
  EXPECT_EQ(split({R"([]\s]+)"}, "a] b"), (Pieces{"a", "] ", "b"}));
  EXPECT_EQ(split({R"([^]\s]+)"}, "a] b"), (Pieces{"a", "] ", "b"}));
  EXPECT_EQ(split({R"([]\s])"}, "a\u180Eb").size(), 1U) << "the class does not end early";
}

TEST(PreTokenizer, APatternThatNeverEndsIsAnError) {
  const std::string text = std::string(40, 'a') + "b";
  EXPECT_EQ(error_of([&] { (void)split({R"((a|a|aa)+\z)"}, text); }),
            "the pre-tokenizer pattern (a|a|aa)+\\\\z fails on this text: match limit exceeded");
}

}  // namespace
}  // namespace levin::text
