#include "base/utf8.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace levin::base {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Encoding by the definition, for scalar values.
std::string naive_encoding(uint32_t c) {
  const auto byte = [](uint32_t value) { return static_cast<char>(value); };
  const auto tail = [&](uint32_t shift) { return byte(0x80U | ((c >> shift) & 0x3FU)); };
  if (c < 0x80) {
    return {byte(c)};
  }
  if (c < 0x800) {
    return {byte(0xC0U | (c >> 6)), tail(0)};
  }
  if (c < 0x10000) {
    return {byte(0xE0U | (c >> 12)), tail(6), tail(0)};
  }
  return {byte(0xF0U | (c >> 18)), tail(12), tail(6), tail(0)};
}

bool is_scalar(uint32_t c) { return c < 0xD800 || (c > 0xDFFF && c <= 0x10FFFF); }

TEST(Utf8, EveryScalarValueIsWellFormedAndNothingElse) {
  for (uint32_t c = 0; c < 0x120000; ++c) {
    const std::string encoding = naive_encoding(c);
    ASSERT_EQ(utf8_sequence_length(encoding), is_scalar(c) ? encoding.size() : 0U) << c;
    if (is_scalar(c)) {
      std::string appended;
      append_utf8(appended, static_cast<char32_t>(c));
      ASSERT_EQ(appended, encoding) << c;
      for (size_t cut = 1; cut < encoding.size(); ++cut) {
        const std::string beginning = encoding.substr(0, cut);
        ASSERT_EQ(utf8_sequence_length(beginning), 0U) << c;
        ASSERT_EQ(incomplete_utf8_tail("x" + beginning), cut) << c;
      }
      ASSERT_EQ(incomplete_utf8_tail(encoding), 0U) << c;
    }
  }
}

TEST(Utf8, EveryTwoBytesAreClassifiedAlike) {
  for (uint32_t first = 0; first < 256; ++first) {
    for (uint32_t second = 0; second < 256; ++second) {
      const std::string text = {static_cast<char>(first), static_cast<char>(second)};
      const bool is_valid =
          first < 0x80 ? second < 0x80
                       : (first >= 0xC2 && first <= 0xDF && second >= 0x80 && second <= 0xBF);
      ASSERT_EQ(is_valid_utf8(text), is_valid) << first << ' ' << second;
      ASSERT_TRUE(is_valid_utf8(repair_utf8(text).text));
    }
  }
}

// The examples of the Unicode standard, tables 3-8 to 3-11: each maximal subpart is one U+FFFD.
TEST(Utf8, RepairsMaximalSubpartsAsTheUnicodeStandardShows) {
  const auto times = [](int count) {
    std::string text;
    for (int i = 0; i < count; ++i) {
      text += kReplacement;
    }
    return text;
  };
  struct Example {
    std::string bytes;
    std::string repaired;
  };
  const std::vector<Example> examples = {
      {"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", times(8) + "A"},  // overlong forms
      {"\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41", times(8) + "A"},  // surrogates
      {"\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42", times(5) + "A" + times(2) + "B"},
      {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", times(4) + "A"},  // truncated sequences
  };
  for (const Example& example : examples) {
    EXPECT_EQ(repair_utf8(example.bytes).text, example.repaired);
    EXPECT_FALSE(is_valid_utf8(example.bytes));
  }
}

TEST(Utf8, RepairCountsAndLeavesGoodTextAlone) {
  EXPECT_EQ(repair_utf8("é 東 🙂").text, "é 東 🙂");
  EXPECT_EQ(repair_utf8("é 東 🙂").replacements, 0);
  EXPECT_EQ(repair_utf8("a\xFF"
                        "b\xE6\x9D")
                .replacements,
            2);
  EXPECT_EQ(repair_utf8("").text, "");
}

TEST(Utf8, ATailThatCanNeverBecomeACharacterIsNotKept) {
  EXPECT_EQ(incomplete_utf8_tail(""), 0U);
  EXPECT_EQ(incomplete_utf8_tail("\xC0"), 0U);
  EXPECT_EQ(incomplete_utf8_tail("\xE0\x80"), 0U) << "overlong";
  EXPECT_EQ(incomplete_utf8_tail("\xED\xA0"), 0U) << "a surrogate";
  EXPECT_EQ(incomplete_utf8_tail("\x80\x80\x80"), 0U);
  EXPECT_EQ(incomplete_utf8_tail("\xF0\x9F\x99"), 3U);
}

}  // namespace
}  // namespace levin::base
