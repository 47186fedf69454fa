// JSON as Python's json module reads and writes it.
#include "text/python_json.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/utf8.h"
#include "test_tokenizers.h"

namespace levin::text {
namespace {

std::string rewritten(const std::string& text) {
  return write_python_json(parse_python_json(text, ""));
}

TEST(PythonJson, SeparatorsAndOrderAreThoseOfJsonDumps) {
  EXPECT_EQ(rewritten(R"({"b":[1,2,{}],"a":{"x":null,"y":[]},"c":true,"d":false})"),
            R"({"b": [1, 2, {}], "a": {"x": null, "y": []}, "c": true, "d": false})");
}

TEST(PythonJson, NumbersArePrintedAsPythonDoes) {
  const std::pair<const char*, const char*> cases[] = {
      {"0", "0"},
      {"-0", "0"},
      {"-0.0", "-0.0"},
      {"1.0", "1.0"},
      {"1e5", "100000.0"},
      {"1E+2", "100.0"},
      {"0.1", "0.1"},
      {"1e15", "1000000000000000.0"},
      {"1e16", "1e+16"},
      {"9007199254740993.0", "9007199254740992.0"},
      {"0.0001", "0.0001"},
      {"0.00001", "1e-05"},
      {"1.5e300", "1.5e+300"},
      {"-2.50", "-2.5"},
      {"1e400", "Infinity"},
      {"-1e400", "-Infinity"},
      {"1e-400", "0.0"},
      {"123456789012345678901234567890", "123456789012345678901234567890"},
      {"-18446744073709551616", "-18446744073709551616"}};
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(rewritten(text), expected) << text;
  }
}

TEST(PythonJson, StringsKeepNonAsciiAndEscapeControls) {
  EXPECT_EQ(rewritten(R"("\u00e9\ud83d\ude00\/ \"\\\b\f\n\r\t\u0001\u001f\u007f")"),
            "\"é😀/ \\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\x7F\"");
}

TEST(PythonJson, ALoneSurrogateTurnsTheWholeValueIntoAscii) {
  EXPECT_EQ(rewritten(R"({"é":["\ud83d","😀"]})"), R"({"\u00e9": ["\ud83d", "\ud83d\ude00"]})");
  EXPECT_EQ(rewritten(R"("\ude00\ud83d\u0041\ud83d\ud83d\ude00é")"),
            R"("\ude00\ud83dA\ud83d\ud83d\ude00\u00e9")");
}

TEST(PythonJson, OfEqualKeysTheLastValueWinsInTheFirstPlace) {
  EXPECT_EQ(rewritten(R"({"a":1,"b":2,"a":3})"), R"({"a": 3, "b": 2})");
}

/// What MurmurHash64A, the hash of libstdc++, makes of eight bytes before it joins them to its
/// state, and back.
uint64_t mixed(uint64_t block) {
  constexpr uint64_t kFactor = 0xc6a4a7935bd1e995;
  block *= kFactor;
  return (block ^ (block >> 47)) * kFactor;
}
uint64_t unmixed(uint64_t mix) {
  constexpr uint64_t kInverse = 0x5f7a0ea7e59b19bd;  // times the factor: 1
  mix *= kInverse;
  return (mix ^ (mix >> 47)) * kInverse;
}

/// The bytes of a block as text; nothing if they do not stand for themselves in JSON.
std::string plain_text(uint64_t block) {
  std::string text(8, ' ');
  std::memcpy(text.data(), &block, 8);
  const bool is_plain = base::is_valid_utf8(text) && std::ranges::none_of(text, [](char byte) {
                          return static_cast<uint8_t>(byte) < 0x20 || byte == '"' || byte == '\\';
                        });
  return is_plain ? text : std::string();
}

/// 2^bits different keys with one std::hash: a change of the top bit in one block goes through the
/// multiplication as it is, and the same change in the next block takes it back.
std::vector<std::string> colliding_keys(int bits) {
  constexpr uint64_t kTopBit = uint64_t{1} << 63;
  std::mt19937_64 random(1);
  std::vector<std::array<std::string, 2>> blocks;  // two, and the changed form of each
  for (int tries = 0; blocks.size() < 2 && tries < 100'000'000; ++tries) {
    const uint64_t block = random();
    std::string text = plain_text(block);
    std::string changed = text.empty() ? text : plain_text(unmixed(mixed(block) ^ kTopBit));
    if (!changed.empty()) {
      blocks.push_back({std::move(text), std::move(changed)});
    }
  }
  std::vector<std::string> keys(blocks.size() == 2 ? size_t{1} << bits : 0);
  for (size_t choice = 0; choice < keys.size(); ++choice) {
    for (int bit = 0; bit < bits; ++bit) {
      const size_t form = (choice >> bit) & 1;
      keys[choice] += blocks[0][form] + blocks[1][form];
    }
  }
  return keys;
}

TEST(PythonJson, KeysOfOneHashCostNoMoreThanOthers) {
  const std::vector<std::string> keys = colliding_keys(16);
  ASSERT_FALSE(keys.empty());
  if (std::hash<std::string>()(keys[0]) != std::hash<std::string>()(keys.back())) {
    GTEST_SKIP() << "this standard library has another hash";
  }
  std::string object = "{";
  for (const std::string& key : keys) {
    object += (object.size() > 1 ? ",\"" : "\"") + key + "\":0";
  }
  EXPECT_EQ(parse_python_json(object + "}", "").members.size(), keys.size());
}

TEST(PythonJson, TheNumberOfValuesMayBeBounded) {
  EXPECT_EQ(parse_python_json("[1,[2,{\"a\":3}]]", "", 6).items.size(), 2U);
  EXPECT_EQ(error_of([] { (void)parse_python_json("[1,[2,{\"a\":3}]]", "x", 5); }),
            "x: the JSON text has more than 5 values");
}

TEST(PythonJson, LoneSurrogatesCanBeReplaced) {
  const JsonValue value = parse_python_json(R"("a\ud800b😀")", "");
  EXPECT_EQ(replace_lone_surrogates(value.text),
            "a\xEF\xBF\xBD"
            "b😀");
}

TEST(PythonJson, IllFormedTextIsWrittenWithoutReadingBeyondIt) {
  const std::string truncated = "a\xF0";
  EXPECT_FALSE(write_python_json_string(truncated).empty());
  EXPECT_FALSE(replace_lone_surrogates(truncated).empty());
}

TEST(PythonJson, WrongTextsAreRefusedAtTheByte) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "more text expected at byte 0"},
      {"[1,]", "a value expected at byte 3"},
      {"[1 2]", "a comma or a closing bracket expected at byte 3"},
      {"{\"a\" 1}", "a colon expected at byte 5"},
      {"{\"a\":1 \"b\"}", "a comma or a closing brace expected at byte 7"},
      {"{a:1}", "a key in quotes expected at byte 1"},
      {"01", "a number without leading zeros expected at byte 2"},
      {"1.", "more text expected at byte 2"},
      {"1e+x", "a value expected at byte 3"},
      {"NaN", "a value expected at byte 0"},
      {"tru", "a value expected at byte 0"},
      {"1 2", "the end of the text expected at byte 2"},
      {"\"a", "a closing quote expected at byte 2"},
      {"\"\n\"", "an escaped control character expected at byte 1"},
      {"\"\\x\"", "an escape sequence expected at byte 2"},
      {"\"\\u12g4\"", "four hexadecimal digits expected at byte 5"}};
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(error_of([&, input = text] { (void)parse_python_json(input, "f"); }),
              std::string("f: the text is not valid JSON: ") + expected)
        << text;
  }
}

TEST(PythonJson, DeepNestingIsRefused) {
  EXPECT_EQ(rewritten(std::string(256, '[') + std::string(256, ']')).size(), 512U);
  EXPECT_EQ(error_of([] { (void)parse_python_json(std::string(100000, '['), "f"); }),
            "f: the JSON text is nested deeper than 256 levels");
}

}  // namespace
}  // namespace levin::text
