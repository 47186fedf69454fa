// JSON as Python's json module reads and writes it.
#include "text/python_json.h"

#include <gtest/gtest.h>

#include <string>

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
