// Hostile bodies: bounded before they are parsed, refused with the name of what is wrong.
#include "serve/api/request_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "serve/api/api_error.h"

namespace levin::serve::api {
namespace {

using ::testing::HasSubstr;

/// "422 messages[0].content: ..." of the error that `body` gives; empty if it is accepted.
std::string refusal(const std::string& body) {
  try {
    (void)parse_request_body(body);
  } catch (const ApiError& error) {
    return std::to_string(error.status()) + " " + error.what();
  }
  return {};
}

std::string nested(int levels) {
  return "{\"a\":" + std::string(static_cast<size_t>(levels - 1), '[') +
         std::string(static_cast<size_t>(levels - 1), ']') + "}";
}

TEST(ParseRequestBody, TakesObjectsAndNothingElse) {
  EXPECT_EQ(refusal(R"({"model": "x", "n": 12345678901234567890})"), "");
  for (const char* body : {"", "[]", "12", "null", "{", "{\"a\":}", "{} {}", "{'a':1}", "\xff"}) {
    EXPECT_THAT(refusal(body), HasSubstr("400 ")) << body;
  }
}

TEST(ParseRequestBody, IllFormedUtf8IsRefused) {
  EXPECT_THAT(refusal("{\"a\":\"\xC3\x28\"}"), HasSubstr("400 "));
}

TEST(ParseRequestBody, ALoneSurrogateIsNamed) {
  EXPECT_THAT(refusal(R"({"messages":[{"content":"\ud83d"}]})"),
              HasSubstr("422 messages[0].content: "));
  EXPECT_THAT(refusal(R"({"a":{"\udc00":1}})"), HasSubstr("422 a."));
  EXPECT_THAT(refusal(R"({"a":{"b":{"c":1},"d":[0,{"e":"\udc00"}]}})"),
              HasSubstr("422 a.d[1].e: "));
  EXPECT_EQ(refusal(R"({"a":"\ud83d\ude00"})"), "") << "a whole pair is a character";
}

TEST(ParseRequestBody, NestingIsBounded) {
  EXPECT_EQ(refusal(nested(64)), "");
  EXPECT_THAT(refusal(nested(65)), HasSubstr("deeper than 64"));
  EXPECT_THAT(refusal(nested(10'000'000)), HasSubstr("deeper than 64"));
  EXPECT_EQ(
      refusal(R"({"a":"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["})"), "")
      << "brackets within strings are text";
  EXPECT_EQ(
      refusal(R"({"a":"\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["})"), "");
}

TEST(ParseRequestBody, TheNumberOfValuesIsBounded) {
  std::string body = "{\"a\":[0";
  for (int64_t i = 0; i < kMaxJsonValues; ++i) {
    body += ",0";
  }
  EXPECT_THAT(refusal(body + "]}"), HasSubstr("more than 1000000 values"));
}

// Copying the path for each member would take hours.
TEST(ParseRequestBody, ALongKeyMayHaveManyMembers) {
  constexpr int kMembers = 500'000;
  std::string body = "{\"" + std::string(size_t{16} << 20, 'k') + "\":{\"a\":0";
  for (int i = 0; i < kMembers; ++i) {
    body += ",\"" + std::to_string(i) + "\":0";
  }
  const text::JsonValue root = parse_request_body(body + "}}");
  EXPECT_EQ(root.members[0].value.members.size(), kMembers + 1U);
}

class Fields : public ::testing::Test {
 protected:
  const text::JsonValue root_ = parse_request_body(
      R"({"b":true,"i":3,"f":1.5,"s":"x","z":null,"a":[1,2],"o":{"in":7},"big":1e400,
          "huge":123456789012345678901234567890,"neg":-1})");
  const JsonFields fields_{root_, ""};

  template <typename Call>
  static std::string error_of(Call&& call) {
    try {
      call();
    } catch (const ApiError& error) {
      EXPECT_EQ(error.status(), 422);
      return error.fields().param;
    }
    return {};
  }
};

TEST_F(Fields, GiveTypedValuesAndNothingForMissingOnesAndNull) {
  EXPECT_EQ(fields_.boolean("b"), true);
  EXPECT_EQ(fields_.integer("i", 0, 9), 3);
  EXPECT_EQ(fields_.number("f", 0, 2), 1.5);
  EXPECT_EQ(fields_.number("i", 0, 9), 3.0);
  EXPECT_EQ(fields_.string("s"), "x");
  EXPECT_EQ(fields_.array("a", 2)->size(), 2U);
  EXPECT_EQ(fields_.object("o")->integer("in", 0, 9), 7);
  EXPECT_FALSE(fields_.string("z").has_value());
  EXPECT_FALSE(fields_.string("missing").has_value());
}

TEST_F(Fields, WrongTypesAndRangesAreNamed) {
  EXPECT_EQ(error_of([&] { (void)fields_.boolean("i"); }), "i");
  EXPECT_EQ(error_of([&] { (void)fields_.integer("f", 0, 9); }), "f");
  EXPECT_EQ(error_of([&] { (void)fields_.integer("neg", 0, 9); }), "neg");
  EXPECT_EQ(error_of([&] { (void)fields_.integer("huge", 0, INT64_MAX); }), "huge");
  EXPECT_EQ(error_of([&] { (void)fields_.number("big", 0, 9); }), "big");
  EXPECT_EQ(error_of([&] { (void)fields_.number("huge", 0, 9); }), "huge");
  EXPECT_EQ(error_of([&] { (void)fields_.string("i"); }), "i");
  EXPECT_EQ(error_of([&] { (void)fields_.array("a", 1); }), "a");
  EXPECT_EQ(error_of([&] { (void)fields_.object("o")->string("in"); }), "o.in");
}

}  // namespace
}  // namespace levin::serve::api
