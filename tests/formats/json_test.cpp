#include "formats/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"

namespace levin::formats {
namespace {

using nlohmann::json;

std::string refusal(const std::string& text, const JsonLimits& limits = {}) {
  try {
    parse_json(text, "x.json", limits);
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ErrorCode::kInvalidFile);
    return error.what();
  }
  return "accepted";
}

TEST(ParseJsonTest, ReadsEveryKindOfValue) {
  const std::string text =
      R"({"a": [1, -2, 2.5, "x\u00e9", true, null, {}, []], "b": {"c": {"d": 18446744073709551615}}})";
  EXPECT_EQ(parse_json(text, "x.json"), json::parse(text));
  EXPECT_EQ(parse_json(" 3 ", "x.json"), 3);
}

TEST(ParseJsonTest, SameKeyInDifferentObjectsIsNoDuplicate) {
  EXPECT_EQ(parse_json(R"([{"a": {"a": 1}}, {"a": 2}])", "x.json")[1]["a"], 2);
}

TEST(ParseJsonTest, RefusesDuplicateKeysAtAnyDepth) {
  EXPECT_EQ(refusal(R"({"o": [{"k": 1, "k": 1}]})"),
            "x.json: has the key \"k\" twice in one object");
}

TEST(ParseJsonTest, RefusesWhatIsNotStrictJson) {
  EXPECT_EQ(refusal("{\"a\": 1,}"), "x.json: is not valid JSON at line 1, column 9");
  EXPECT_EQ(refusal("{\n\n  'a': 1}"), "x.json: is not valid JSON at line 3, column 3");
  EXPECT_EQ(refusal("{} {}"), "x.json: is not valid JSON at line 1, column 4");
  EXPECT_NE(refusal("NaN"), "accepted");
  EXPECT_NE(refusal("1e999"), "accepted");
  EXPECT_NE(refusal("// note\n{}"), "accepted");
  EXPECT_NE(refusal("\"\\udc00\""), "accepted");
  EXPECT_NE(refusal(std::string("{}\0", 3)), "accepted");
  EXPECT_NE(refusal(""), "accepted");
}

TEST(ParseJsonTest, RefusesIllFormedUtf8AndByteOrderMarks) {
  EXPECT_EQ(refusal("{\"\xC0\xAF\": 1}"), "x.json: is not valid UTF-8 at line 1, column 3");
  EXPECT_EQ(refusal("\xEF\xBB\xBF{}"),
            "x.json: begins with a byte order mark; save it as plain UTF-8");
}

TEST(ParseJsonTest, BoundsDepthAndNumberOfValues) {
  EXPECT_EQ(refusal("[[[]]]", {.depth = 2}), "x.json: nests JSON deeper than 2 levels");
  EXPECT_EQ(refusal("[[[]]]", {.depth = 3}), "accepted");
  EXPECT_EQ(refusal("[1, 2, 3]", {.values = 3}), "x.json: has more than 3 JSON values");
  EXPECT_EQ(refusal(std::string(1 << 20, '[')), "x.json: nests JSON deeper than 64 levels");
}

}  // namespace
}  // namespace levin::formats
