// Schemas as grammars: which texts are in the language, and what is refused.
#include "generation/json_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "constraint_sampling.h"
#include "generation/constraint_matcher.h"
#include "json_validator.h"
#include "random_schema.h"

namespace levin::generation {
namespace {

using ::testing::HasSubstr;

std::shared_ptr<const Grammar> grammar_of(const std::string& schema_text,
                                          const GrammarLimits& limits = {}) {
  const text::JsonValue schema = text::parse_python_json(schema_text, "schema");
  GrammarBuilder builder(limits);
  JsonRules rules(builder);
  SchemaCompiler compiler(builder, rules, schema, "schema");
  const GrammarBuilder::Rule root = compiler.root();
  compiler.define_rules();
  return std::make_shared<const Grammar>(builder.finish(root));
}

bool is_in(const std::shared_ptr<const Grammar>& grammar, const std::string& text) {
  GrammarMatcher matcher(grammar);
  GrammarMatcher::Position position = matcher.start();
  for (const char byte : text) {
    position = matcher.step(position, static_cast<uint8_t>(byte));
    if (position == GrammarMatcher::kNowhere) {
      return false;
    }
  }
  return matcher.is_complete(position);
}

/// True if `text` is in the language of the schema.
bool accepts(const std::string& schema, const std::string& text) {
  return is_in(grammar_of(schema), text);
}

std::string refusal(const std::string& schema, const GrammarLimits& limits = {}) {
  try {
    (void)grammar_of(schema, limits);
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ErrorCode::kInvalidArgument);
    return error.what();
  }
  return {};
}

/// Why the properties of an object cannot be read within `steps`; "" if they can.
std::string refusal_of_parameters(const std::string& schema_text, int64_t steps) {
  const text::JsonValue schema = text::parse_python_json(schema_text, "schema");
  GrammarBuilder builder({.steps = steps});
  JsonRules rules(builder);
  try {
    (void)SchemaCompiler(builder, rules, schema, "schema").root_properties();
  } catch (const base::Error& error) {
    return error.what();
  }
  return {};
}

/// What `entry` makes of 0, 1, ..., with commas between.
std::string listed(int count, const std::function<std::string(int)>& entry) {
  std::string list;
  for (int idx = 0; idx < count; ++idx) {
    list += (idx > 0 ? ", " : "") + entry(idx);
  }
  return list;
}

/// Members "p0", "p1", ... with the schema of any value.
std::string any_members(int count) {
  return listed(count, [](int idx) { return "\"p" + std::to_string(idx) + "\": true"; });
}

TEST(JsonSchema, ObjectsHaveTheirPropertiesInOrder) {
  const std::string schema = R"({"type": "object", "properties": {"a": {"type": "integer"},
      "b": {"type": "boolean"}, "c": {"type": "null"}}, "required": ["b"],
      "additionalProperties": false})";
  for (const char* text : {R"({"a": 1, "b": true, "c": null})", R"({"b":false})",
                           "{\n  \"b\": true,\n  \"c\": null\n}", R"({"a":0,"b":true})"}) {
    EXPECT_TRUE(accepts(schema, text)) << text;
  }
  for (const char* text : {"{}", R"({"a": 1})", R"({"b": true, "a": 1})", R"({"b": 1})",
                           R"({"b": true, "d": 1})", R"({"b": true,})", R"({,"b": true})"}) {
    EXPECT_FALSE(accepts(schema, text)) << text;
  }
}

TEST(JsonSchema, ObjectsWithoutPropertiesAreMaps) {
  EXPECT_TRUE(accepts(R"({"type": "object"})", R"({"x": [1, {"y": null}], "": "z"})"));
  const std::string counts = R"({"type": "object", "additionalProperties": {"type": "integer"}})";
  EXPECT_TRUE(accepts(counts, R"({"x": 1, "y": 2})"));
  EXPECT_FALSE(accepts(counts, R"({"x": "1"})"));
  EXPECT_FALSE(accepts(R"({"type": "object", "additionalProperties": false})", R"({"x": 1})"));
}

TEST(JsonSchema, ArraysCountTheirItems) {
  const std::string schema = R"({"type": "array", "items": {"type": "integer"}, "minItems": 1,
      "maxItems": 3})";
  EXPECT_FALSE(accepts(schema, "[]"));
  EXPECT_TRUE(accepts(schema, "[1]"));
  EXPECT_TRUE(accepts(schema, "[1, 2,3]"));
  EXPECT_FALSE(accepts(schema, "[1, 2, 3, 4]"));
  EXPECT_TRUE(accepts(R"({"type": "array", "maxItems": 0})", "[]"));
  EXPECT_TRUE(accepts(R"({"type": "array"})", R"([1, "a", [null]])"));
}

TEST(JsonSchema, IntegersKeepTheirBounds) {
  const std::string schema = R"({"type": "integer", "minimum": -12, "exclusiveMaximum": 105})";
  const auto grammar = grammar_of(schema);
  for (int value = -300; value <= 300; ++value) {
    EXPECT_EQ(is_in(grammar, std::to_string(value)), value >= -12 && value < 105) << value;
  }
  EXPECT_FALSE(accepts(schema, "-0"));
  EXPECT_FALSE(accepts(schema, "007"));
  EXPECT_FALSE(accepts(schema, "1.0"));
  EXPECT_TRUE(accepts(R"({"type": "integer"})", "-123456789012345678"));
}

TEST(JsonSchema, IntegersAreMultiples) {
  const auto grammar = grammar_of(R"({"type": "integer", "minimum": 5, "multipleOf": 7})");
  for (int value = 0; value <= 500; ++value) {
    EXPECT_EQ(is_in(grammar, std::to_string(value)), value >= 5 && value % 7 == 0) << value;
  }
}

TEST(JsonSchema, NumbersKeepTheirBoundsExactly) {
  const std::string schema = R"({"type": "number", "exclusiveMinimum": -1.25, "maximum": 2.5})";
  for (const char* text : {"-1.249999", "-1.2", "0", "0.0", "2.5", "2.50", "1", "-0.5", "2.4999"}) {
    EXPECT_TRUE(accepts(schema, text)) << text;
  }
  for (const char* text : {"-1.25", "-1.250", "-2", "2.500001", "3", "-0", "-0.00", "1.", "1e0"}) {
    EXPECT_FALSE(accepts(schema, text)) << text;
  }
  EXPECT_TRUE(accepts(R"({"type": "number"})", "-12.5e-3"));
}

TEST(JsonSchema, NumbersAreDecimalMultiples) {
  const std::string schema = R"({"type": "number", "multipleOf": 0.05, "minimum": 0.3})";
  EXPECT_TRUE(accepts(schema, "0.35"));
  EXPECT_TRUE(accepts(schema, "0.3"));
  EXPECT_TRUE(accepts(schema, "17"));
  EXPECT_FALSE(accepts(schema, "0.36"));
  EXPECT_FALSE(accepts(schema, "0.25"));
}

TEST(JsonSchema, PatternsGovernTheDecodedText) {
  EXPECT_TRUE(accepts(R"({"type": "string", "pattern": "^[a-c]+$"})", R"("abc")"));
  EXPECT_FALSE(accepts(R"({"type": "string", "pattern": "^[a-c]+$"})", R"("abd")"));
  // Without anchors anything may stand around it.
  EXPECT_TRUE(accepts(R"({"type": "string", "pattern": "b"})", R"("abc")"));
  EXPECT_FALSE(accepts(R"({"type": "string", "pattern": "b"})", R"("aac")"));
  // Quotes, backslashes and control characters as their escapes.
  EXPECT_TRUE(accepts(R"({"type": "string", "pattern": "^\"\\\\\\n$"})", R"("\"\\\n")"));
  EXPECT_TRUE(accepts(R"({"type": "string", "pattern": "^ä{2}|漢$"})", "\"ää!\""));
  EXPECT_TRUE(accepts(R"({"type": "string", "pattern": "^(?:a|\\d{2,})?-\\u00e9$"})", "\"123-é\""));
}

TEST(JsonSchema, LengthsCountCharacters) {
  const std::string schema = R"({"type": "string", "minLength": 2, "maxLength": 3})";
  EXPECT_FALSE(accepts(schema, "\"漢\""));
  EXPECT_TRUE(accepts(schema, "\"漢字\""));
  EXPECT_TRUE(accepts(schema, R"("\n\"x")"));
  EXPECT_TRUE(accepts(schema, R"("\ud83d\ude00!")"));
  EXPECT_FALSE(accepts(schema, R"("abcd")"));
}

TEST(JsonSchema, StringsAreWellFormed) {
  const std::string schema = R"({"type": "string"})";
  EXPECT_TRUE(accepts(schema, "\"a\\u00e9\\\\ 漢 😀 </think>\""));
  EXPECT_FALSE(accepts(schema, "\"\\ud800\""));       // half a pair
  EXPECT_FALSE(accepts(schema, "\"\n\""));            // a raw control character
  EXPECT_FALSE(accepts(schema, "\"\xC3\""));          // half a character
  EXPECT_FALSE(accepts(schema, "\"\xED\xA0\x80\""));  // a surrogate
  EXPECT_FALSE(accepts(schema, "\"<｜tool\""));       // what tags begin with
  EXPECT_TRUE(accepts(schema, "\"<\\uff5ctool\""));
}

TEST(JsonSchema, ListedValuesHaveOneSpelling) {
  EXPECT_TRUE(accepts(R"({"enum": ["a", 1, null]})", "\"a\""));
  EXPECT_TRUE(accepts(R"({"enum": ["a", 1, null]})", "null"));
  EXPECT_FALSE(accepts(R"({"enum": ["a", 1, null], "type": "string"})", "null"));
  EXPECT_TRUE(accepts(R"({"const": {"a": [1, 2.5]}})", R"({"a": [1, 2.5]})"));
}

TEST(JsonSchema, ListedNumbersThatJsonCannotWriteAreRefusedAtAnyDepth) {
  for (const char* value : {"1e999", "[1e999]", R"({"a": [1, {"b": -1e999}]})"}) {
    for (const std::string& schema : {R"({"const": )" + std::string(value) + "}",
                                      R"({"enum": ["x", )" + std::string(value) + "]}"}) {
      EXPECT_THAT(refusal(schema), HasSubstr("beyond the range of a double")) << schema;
    }
  }
}

TEST(JsonSchema, ReferencesMayRecur) {
  const std::string list = R"({"$ref": "#/$defs/list", "$defs": {"list": {"type": "object",
      "properties": {"head": {"type": "integer"},
                     "tail": {"anyOf": [{"$ref": "#/$defs/list"}, {"type": "null"}]}},
      "required": ["head", "tail"]}}})";
  EXPECT_TRUE(accepts(list, R"({"head": 1, "tail": {"head": 2, "tail": null}})"));
  EXPECT_FALSE(accepts(list, R"({"head": 1, "tail": {"head": 2}})"));
  const std::string tree = R"({"type": "array", "items": {"$ref": "#"}})";
  EXPECT_TRUE(accepts(tree, "[[], [[]]]"));
}

TEST(JsonSchema, NestingEndsBeforeTheLimitAndCanBeClosed) {
  GrammarMatcher matcher(grammar_of(R"({"type": "array", "items": {"$ref": "#"}})"));
  GrammarMatcher::Position position = matcher.start();
  int depth = 0;
  for (auto next = position; next != GrammarMatcher::kNowhere; next = matcher.step(next, '[')) {
    position = next;
    ++depth;
  }
  EXPECT_GT(depth, 50);
  EXPECT_LE(depth, GrammarMatcher::kMaxDepth + 2);
  for (; depth > 1; --depth) {
    position = matcher.step(position, ']');
    ASSERT_NE(position, GrammarMatcher::kNowhere);
  }
  EXPECT_TRUE(matcher.is_complete(position));
}

TEST(JsonSchema, WhiteSpaceIsBounded) {
  EXPECT_TRUE(accepts(R"({"type": "array"})", "[\n" + std::string(16, ' ') + "1]"));
  EXPECT_FALSE(accepts(R"({"type": "array"})", "[\n" + std::string(17, ' ') + "1]"));
  EXPECT_FALSE(accepts(R"({"type": "array"})", "[\n\n1]"));
}

TEST(JsonSchema, ManyOpenReadingsStayBounded) {
  // Two readings of every level: 2 to the power of the depth, if all were followed.
  const std::string schema = R"({"$ref": "#/$defs/a", "$defs": {
      "a": {"anyOf": [{"$ref": "#/$defs/x"}, {"$ref": "#/$defs/y"}]},
      "x": {"type": "array", "items": {"$ref": "#/$defs/a"}, "maxItems": 2},
      "y": {"type": "array", "items": {"$ref": "#/$defs/a"}, "maxItems": 3}}})";
  EXPECT_TRUE(accepts(schema, std::string(30, '[') + std::string(30, ']')));
}

TEST(JsonSchema, WhatIsNotSupportedIsRefusedByPlace) {
  EXPECT_EQ(refusal(R"({"type": "object", "properties": {"a/b": {"type": "object",
                       "minProperties": 1}}})"),
            "schema#/properties/a~1b: the keyword \"minProperties\" is not supported");
  EXPECT_THAT(refusal(R"({"type": "strin"})"), HasSubstr("schema#/type: there is no type"));
  EXPECT_THAT(refusal(R"({"type": "string", "format": "phone"})"),
              HasSubstr("schema#/format: the format \"phone\" is not supported; there are email"));
  EXPECT_THAT(refusal(R"x({"type": "string", "pattern": "a(?=b)"})x"),
              HasSubstr("schema#/pattern: the pattern has look-ahead"));
  EXPECT_THAT(refusal(R"({"type": "string", "pattern": "a\\bc"})"), HasSubstr("word boundary"));
  EXPECT_THAT(refusal(R"({"type": "string", "pattern": "(a"})"), HasSubstr("not closed"));
  EXPECT_THAT(refusal(R"({"oneOf": [{"type": "null"}]})"), HasSubstr("\"oneOf\""));
  EXPECT_THAT(refusal(R"({"items": 3})"), HasSubstr("schema#/items: a schema is an object"));
  EXPECT_THAT(refusal(R"({"type": "integer", "multipleOf": 0})"), HasSubstr("multipleOf"));
  EXPECT_THAT(refusal(R"({"$ref": "#/$defs/no"})"), HasSubstr("nothing is at #/$defs/no"));
  EXPECT_THAT(refusal(R"({"$ref": "http://x/y"})"), HasSubstr("other documents"));
}

TEST(JsonSchema, WhatNothingFitsIsRefused) {
  EXPECT_THAT(refusal(R"({"type": "integer", "minimum": 2, "maximum": 1})"),
              HasSubstr("no value fits"));
  EXPECT_THAT(refusal(R"({"$ref": "#"})"), HasSubstr("without end"));
  EXPECT_THAT(refusal(R"({"anyOf": [{"$ref": "#"}, {"type": "null"}]})"), HasSubstr("without end"));
  // An object that must hold itself.
  EXPECT_THAT(refusal(R"({"type": "object", "properties": {"a": {"$ref": "#"}},
                          "required": ["a"]})"),
              HasSubstr("no value fits"));
}

TEST(JsonSchema, WorkAndSizeAreBounded) {
  EXPECT_THAT(refusal(R"x({"type": "string", "pattern": "(((a{100}){100}){100}){100}"})x"),
              HasSubstr("schema#/pattern: the schema takes too much work"));
  EXPECT_THAT(refusal(R"({"type": "string", "pattern": "(a|b)*a(a|b){20}"})"),
              HasSubstr("too much work"));
  EXPECT_THAT(refusal(R"({"type": "string", "maxLength": 20000})"), HasSubstr("too many states"));
  EXPECT_THAT(refusal("{\"description\": \"" + std::string(kMaxSchemaBytes, 'x') + "\"}"),
              HasSubstr("a schema may have 65536 bytes"));
}

TEST(JsonSchema, WorkThatMakesNoStatesIsCounted) {
  const std::string optional = R"({"properties": {)" + any_members(2500) + "}}";
  const std::string required =
      R"({"properties": {)" + any_members(2500) + R"(}, "required": [)" +
      listed(2500, [](int idx) { return "\"p" + std::to_string(idx) + "\""; }) + "]}";
  EXPECT_EQ(refusal_of_parameters(optional, 250'000), "");
  EXPECT_THAT(refusal_of_parameters(required, 250'000), HasSubstr("too much work"));
  EXPECT_EQ(refusal_of_parameters(required, 400'000), "") << "a key costs its own look-up alone";
  const std::string references =
      R"({"anyOf": [)" + listed(1400, [](int) { return R"({"$ref": "#/$defs/last"})"; }) +
      R"(], "$defs": {)" + any_members(1500) + R"(, "last": {"type": "null"}}})";
  EXPECT_THAT(refusal(references, {.steps = 2'100'000}), HasSubstr("too much work"))
      << "each is looked for among 1,500 keys";
}

TEST(JsonSchema, ATypeThatIsNamedAgainCostsNothing) {
  const std::string types = listed(2000, [](int) { return "\"integer\""; });
  EXPECT_TRUE(is_in(grammar_of(R"({"type": [)" + types + "]}", {.steps = 60'000}), "17"));
}

// With a sanitizer, whose allocator mallinfo2 does not see, this holds whatever the code does.
TEST(JsonSchema, PlacesBelowALongKeyDoNotHoldItEach) {
  const std::string key(15'000, 'k');
  const text::JsonValue schema =
      text::parse_python_json(R"({"$ref": "#/$defs/)" + key + R"(", "$defs": {")" + key +
                                  R"(": {"properties": {)" + any_members(2000) + "}}}}",
                              "schema");
  const auto held_bytes = [] {
    const auto info = mallinfo2();
    return static_cast<int64_t>(info.uordblks + info.hblkhd);
  };
  const int64_t before = held_bytes();
  GrammarBuilder builder;
  JsonRules rules(builder);
  SchemaCompiler compiler(builder, rules, schema, "schema");
  EXPECT_EQ(compiler.root_properties().size(), 2000U);
  EXPECT_LT(held_bytes() - before, int64_t{4} << 20) << "120 MB where each rule held its key";
}

TEST(JsonSchema, EveryAnswerToARandomSchemaFitsIt) {
  const auto vocabulary = small_vocabulary();
  int ended = 0;
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    const std::string schema = random_schema(seed).dump();
    const Constraint constraint = schema_constraint(vocabulary, schema);
    const RandomAnswer answer =
        random_answer(small_tokenizer(), *vocabulary, constraint, seed, 300);
    if (answer.has_ended) {
      ++ended;
      ASSERT_EQ(misfit_of_text(answer.text, nlohmann::json::parse(schema)), "")
          << answer.text << " for " << schema;
    }
  }
  EXPECT_GT(ended, 900);
}

}  // namespace
}  // namespace levin::generation
