#include "generation/stop_strings.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/random.h"

namespace levin::generation {
namespace {

TEST(StopStrings, TextBeforeTheStopStringIsKept) {
  StopStrings stops({"END"});
  EXPECT_EQ(stops.push("one two END three"), "one two ");
  EXPECT_TRUE(stops.has_matched());
  EXPECT_EQ(stops.matched(), "END");
  EXPECT_EQ(stops.push("more"), "");
  EXPECT_EQ(stops.flush(), "");
}

TEST(StopStrings, HoldsBackWhatMayBecomeAStopString) {
  StopStrings stops({"END"});
  EXPECT_EQ(stops.push("a E"), "a ");
  EXPECT_EQ(stops.push("N"), "");
  EXPECT_EQ(stops.push("x"), "ENx");
  EXPECT_EQ(stops.push("EE"), "E");
  EXPECT_EQ(stops.push("ND"), "");
  EXPECT_TRUE(stops.has_matched());
}

TEST(StopStrings, AtTheEndTheHeldTextIsTextAfterAll) {
  StopStrings stops({"END"});
  EXPECT_EQ(stops.push("the EN"), "the ");
  EXPECT_EQ(stops.flush(), "EN");
  EXPECT_FALSE(stops.has_matched());
}

TEST(StopStrings, WithoutStopStringsEverythingPasses) {
  StopStrings stops({});
  EXPECT_EQ(stops.push("anything"), "anything");
}

TEST(StopStrings, OfSeveralTheOneThatIsCompleteFirstCounts) {
  StopStrings stops({"abcd", "bc"});
  EXPECT_EQ(stops.push("xabcd"), "xa");
  EXPECT_EQ(stops.matched(), "bc");
}

TEST(StopStrings, OfTwoThatEndTogetherTheLongerOneCounts) {
  StopStrings stops({"bc", "abc"});
  EXPECT_EQ(stops.push("xabc"), "x");
  EXPECT_EQ(stops.matched(), "abc");
}

TEST(StopStrings, RefusesEmptyAndIllFormedOnes) {
  EXPECT_THROW(StopStrings({""}), base::Error);
  EXPECT_THROW(StopStrings({"\xC3"}), base::Error);
}

/// Text before the stop string that is complete first, found character by character.
std::string naive(const std::string& text, const std::vector<std::string>& stops) {
  for (size_t end = 1; end <= text.size(); ++end) {
    size_t longest = 0;
    for (const std::string& stop : stops) {
      if (text.substr(0, end).ends_with(stop)) {
        longest = std::max(longest, stop.size());
      }
    }
    if (longest > 0) {
      return text.substr(0, end - longest);
    }
  }
  return text;
}

TEST(StopStrings, TheResultDoesNotDependOnThePieces) {
  const std::vector<std::vector<std::string>> sets = {
      {"aab"}, {"abab", "bb"}, {"aaaa", "ba", "cab"}, {"é", "éa"}, {"b"}};
  const std::vector<std::string> letters = {"a", "b", "a", "c", "é"};
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    std::string text;
    std::string streamed;
    StopStrings stops(sets[seed % sets.size()]);
    for (uint64_t i = 0; i < 12; ++i) {
      std::string piece;
      for (uint64_t j = base::random_bits(seed, 100 + i) % 4; j > 0; --j) {
        piece += letters[base::random_bits(seed, i * 4 + j) % letters.size()];
      }
      text += piece;
      streamed += stops.push(piece);
      EXPECT_TRUE(naive(text, sets[seed % sets.size()]).starts_with(streamed));
    }
    streamed += stops.flush();
    EXPECT_EQ(streamed, naive(text, sets[seed % sets.size()])) << text;
  }
}

}  // namespace
}  // namespace levin::generation
