// Constrained answers in the markup of each chat style: every one that ends is read back by the
// output parser as what was asked for.
#include "generation/constraint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/mini_model.h"
#include "base/utf8.h"
#include "constraint_sampling.h"
#include "generation/generator.h"
#include "generation/json_schema.h"
#include "generation/prompt_ids.h"
#include "json_validator.h"
#include "text/byte_level.h"
#include "text/output_parser.h"

namespace levin::generation {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using text::ChatStyle;
using Kind = text::OutputEvent::Kind;

/// A byte-level tokenizer with the special tokens of V3.1 (and `｜DSML｜`, if asked for); every
/// byte and some pieces of JSON and tags are tokens.
text::Tokenizer chat_tokenizer(bool has_dsml_token) {
  json vocab = json::object();
  for (int byte = 0; byte < 256; ++byte) {
    std::string stand_in;
    base::append_utf8(stand_in, text::byte_stand_in(static_cast<uint8_t>(byte)));
    vocab.emplace(stand_in, vocab.size());
  }
  json added = json::array();
  for (const char* content : {"<｜end▁of▁sentence｜>", "</think>", "<｜tool▁calls▁begin｜>",
                              "<｜tool▁calls▁end｜>", "<｜tool▁call▁begin｜>",
                              "<｜tool▁call▁end｜>", "<｜tool▁sep｜>", "<｜User｜>", "｜DSML｜"}) {
    if (has_dsml_token || content != std::string("｜DSML｜")) {
      const bool is_special = added.empty();
      added.push_back({{"id", vocab.size() + added.size()},
                       {"content", content},
                       {"special", is_special},
                       {"single_word", false},
                       {"lstrip", false},
                       {"rstrip", false},
                       {"normalized", false}});
    }
  }
  const json file = {{"version", "1.0"},
                     {"added_tokens", added},
                     {"normalizer", nullptr},
                     {"pre_tokenizer",
                      {{"type", "ByteLevel"},
                       {"add_prefix_space", false},
                       {"use_regex", false},
                       {"trim_offsets", true}}},
                     {"decoder", {{"type", "ByteLevel"}}},
                     {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", json::array()}}}};
  return text::Tokenizer::from_json(file.dump(), "test");
}

struct Setting {
  explicit Setting(bool has_dsml_token)
      : tokenizer(chat_tokenizer(has_dsml_token)),
        vocabulary(std::make_shared<const ConstraintVocabulary>(
            tokenizer, tokenizer.vocab_size(), std::vector<int32_t>{*tokenizer.eos_id()})) {}

  text::Tokenizer tokenizer;
  std::shared_ptr<const ConstraintVocabulary> vocabulary;
};

const Setting& setting(bool has_dsml_token = false) {
  static const Setting without(false);
  static const Setting with(true);
  return has_dsml_token ? with : without;
}

const text::JsonValue& weather_schema() {
  static const text::JsonValue schema = text::parse_python_json(
      R"({"type": "object", "properties": {
            "city": {"type": "string"},
            "unit": {"type": "string", "enum": ["C", "F"]},
            "days": {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 9},
                               {"type": "string", "pattern": "^next week$"}]},
            "where": {"type": "array", "items": {"type": "number"}, "maxItems": 2}},
          "required": ["city", "days"], "additionalProperties": false})",
      "schema");
  return schema;
}

OutputShape tools_shape(ChatStyle style, ToolUse use, bool is_strict) {
  OutputShape shape;
  shape.style = style;
  shape.tools = {{"get_weather", &weather_schema(), is_strict, ""},
                 {"now", nullptr, is_strict, ""}};
  shape.tool_use = use;
  return shape;
}

struct ReadAnswer {
  std::string reasoning;
  std::string content;
  std::vector<std::pair<std::string, std::string>> calls;  // name, arguments
};

ReadAnswer read(const std::string& output, const OutputShape& shape) {
  ReadAnswer answer;
  const text::OutputOptions options{shape.style, shape.begins_with_reasoning, !shape.tools.empty()};
  for (const text::OutputEvent& event : text::parse_output(output, options)) {
    switch (event.kind) {
      case Kind::kReasoning:
        answer.reasoning += event.text;
        break;
      case Kind::kContent:
        answer.content += event.text;
        break;
      case Kind::kCallBegin:
        answer.calls.emplace_back(event.text, "");
        break;
      case Kind::kArguments:
        answer.calls.back().second += event.text;
        break;
      case Kind::kCallEnd:
        break;
    }
  }
  return answer;
}

/// Draws answers of that shape and gives those that ended to `check`; at least some must.
template <typename Check>
void for_random_answers(const OutputShape& shape, const Setting& with, int count, Check&& check) {
  int ended = 0;
  for (int seed = 0; seed < count; ++seed) {
    const Constraint constraint = make_output_constraint(with.vocabulary, shape);
    const RandomAnswer answer = random_answer(with.tokenizer, *with.vocabulary, constraint,
                                              static_cast<uint64_t>(seed), 1500);
    if (answer.has_ended) {
      ++ended;
      check(read(answer.text, shape), answer.text);
    }
  }
  EXPECT_GT(ended, count / 10);
}

/// What the error says; nothing if the shape is taken.
std::string refusal_of(const OutputShape& shape) {
  try {
    (void)make_output_constraint(setting().vocabulary, shape);
  } catch (const base::Error& error) {
    return error.what();
  }
  return {};
}

void expect_weather_calls(const ReadAnswer& answer, const std::string& text, bool is_strict) {
  const json schema = json::parse(write_python_json(weather_schema()));
  for (const auto& [name, arguments] : answer.calls) {
    ASSERT_TRUE(name == "get_weather" || name == "now") << text;
    if (is_strict) {
      ASSERT_EQ(
          name == "now" ? (arguments == "{}" ? "" : arguments) : misfit_of_text(arguments, schema),
          "")
          << text;
    } else {
      ASSERT_TRUE(json::parse(arguments).is_object()) << text;
    }
  }
}

TEST(Constraint, FreeTextNeedsNone) {
  OutputShape shape = tools_shape(ChatStyle::kV31, ToolUse::kAuto, false);
  EXPECT_FALSE(make_output_constraint(setting().vocabulary, shape));
  shape.tools.clear();
  EXPECT_FALSE(make_output_constraint(setting().vocabulary, shape));
}

TEST(Constraint, JsonObjectIsOneObject) {
  OutputShape shape;
  shape.format = AnswerFormat::kJsonObject;
  for_random_answers(shape, setting(), 100, [](const ReadAnswer& answer, const std::string&) {
    ASSERT_TRUE(json::parse(answer.content).is_object()) << answer.content;
  });
}

TEST(Constraint, ThinkingComesBeforeTheJson) {
  OutputShape shape;
  shape.style = ChatStyle::kV32;
  shape.begins_with_reasoning = true;
  shape.format = AnswerFormat::kJsonSchema;
  shape.schema = &weather_schema();
  const json schema = json::parse(write_python_json(weather_schema()));
  for_random_answers(shape, setting(), 60, [&](const ReadAnswer& answer, const std::string& text) {
    ASSERT_THAT(text, HasSubstr("</think>"));
    ASSERT_EQ(misfit_of_text(answer.content, schema), "") << answer.content;
  });
}

TEST(Constraint, RequiredToolsAreCalledAndNothingElse) {
  for (const ChatStyle style : {ChatStyle::kV31, ChatStyle::kV32}) {
    for (const bool is_strict : {true, false}) {
      const OutputShape shape = tools_shape(style, ToolUse::kRequired, is_strict);
      for_random_answers(shape, setting(is_strict), 60,
                         [&](const ReadAnswer& answer, const std::string& text) {
                           ASSERT_GE(answer.calls.size(), 1U) << text;
                           ASSERT_EQ(answer.content, "") << text;
                           expect_weather_calls(answer, text, is_strict);
                         });
    }
  }
}

TEST(Constraint, OneCallIsOne) {
  for (const ChatStyle style : {ChatStyle::kV31, ChatStyle::kV32}) {
    const OutputShape shape = tools_shape(style, ToolUse::kOneCall, true);
    for_random_answers(shape, setting(), 40, [](const ReadAnswer& answer, const std::string& text) {
      ASSERT_EQ(answer.calls.size(), 1U) << text;
      ASSERT_EQ(answer.content, "") << text;
    });
  }
}

TEST(Constraint, AtMostOneCallMayFollowText) {
  for (const ChatStyle style : {ChatStyle::kV31, ChatStyle::kV32}) {
    const OutputShape shape = tools_shape(style, ToolUse::kAtMostOne, false);
    for_random_answers(shape, setting(true), 60,
                       [](const ReadAnswer& answer, const std::string& text) {
                         ASSERT_LE(answer.calls.size(), 1U) << text;
                       });
  }
  const OutputShape plain = tools_shape(ChatStyle::kPlain, ToolUse::kAtMostOne, false);
  EXPECT_FALSE(make_output_constraint(setting().vocabulary, plain)) << "there are no calls anyway";
}

TEST(Constraint, StrictToolsMayBeCalledAfterThinkingAndText) {
  for (const ChatStyle style : {ChatStyle::kV31, ChatStyle::kV32}) {
    OutputShape shape = tools_shape(style, ToolUse::kAuto, true);
    shape.begins_with_reasoning = true;
    for_random_answers(shape, setting(true), 40,
                       [&](const ReadAnswer& answer, const std::string& text) {
                         expect_weather_calls(answer, text, true);
                       });
  }
}

TEST(Constraint, TheEndIsAllowedExactlyWhenTheValueIsComplete) {
  const Setting& with = setting();
  const Constraint constraint = schema_constraint(with.vocabulary, R"({"enum": [1, 12]})");
  const int32_t end = *with.tokenizer.eos_id();
  const auto ids = [&](const std::string& text) { return with.tokenizer.encode(text).ids; };
  EXPECT_FALSE(constraint({})->allows(end));
  const runtime::TokenMask* after_one = constraint(ids("1"));
  EXPECT_TRUE(after_one->allows(end));
  EXPECT_TRUE(after_one->allows(ids("2").front()));
  EXPECT_FALSE(after_one->allows(ids("1").front()));
  const runtime::TokenMask* after_all = constraint(ids("12"));
  EXPECT_TRUE(after_all->allows(end));
  EXPECT_FALSE(after_all->allows(ids("2").front()));
}

TEST(Constraint, AHistoryMayBeReadAgainAndFromTheStart) {
  const Setting& with = setting();
  const Constraint constraint = schema_constraint(with.vocabulary, R"({"type": "array"})");
  const auto token = [&](const std::string& text) {
    return with.tokenizer.encode(text).ids.front();
  };
  EXPECT_TRUE(constraint({token("["), token("[")})->allows(token("]")));
  EXPECT_TRUE(constraint({token("["), token("[")})->allows(token("]")));
  EXPECT_FALSE(constraint({})->allows(token("]")));
  EXPECT_TRUE(constraint({token("["), token("1"), token(",")})->allows(token("2")));
  EXPECT_THROW((void)constraint({token("["), token(",")}), base::Error);
}

TEST(Constraint, SpecialTokensStayOutOfStrings) {
  const Setting& with = setting();
  const Constraint constraint = schema_constraint(with.vocabulary, R"({"type": "string"})");
  const runtime::TokenMask* mask = constraint(with.tokenizer.encode("\"a").ids);
  for (int32_t id = 0; id < with.tokenizer.vocab_size(); ++id) {
    EXPECT_FALSE(with.tokenizer.is_added(id) && mask->allows(id)) << with.tokenizer.token_bytes(id);
  }
  EXPECT_TRUE(mask->allows(with.tokenizer.encode("b").ids.front()));
}

TEST(Constraint, SchemasOfToolsAreRefusedByPlace) {
  const text::JsonValue bad = text::parse_python_json(
      R"({"type": "object", "properties": {"a": {"type": "string", "format": "phone"}}})", "");
  const text::JsonValue list = text::parse_python_json(R"({"type": "array"})", "");
  for (const ChatStyle style : {ChatStyle::kV31, ChatStyle::kV32}) {
    OutputShape shape = tools_shape(style, ToolUse::kAuto, true);
    const auto refusal = [&](const text::JsonValue& parameters) {
      shape.tools[1].parameters = &parameters;
      return refusal_of(shape);
    };
    EXPECT_THAT(refusal(bad), HasSubstr("tools[1].function.parameters#/properties/a/format"));
    EXPECT_THAT(refusal(list), HasSubstr("must be of type object"));
    shape.tools[1].schema_name = "functions.now";
    EXPECT_THAT(refusal(bad), HasSubstr("functions.now#/properties/a/format"));
  }
  const OutputShape plain = tools_shape(ChatStyle::kMarkers, ToolUse::kRequired, false);
  EXPECT_THROW((void)make_output_constraint(setting().vocabulary, plain), base::Error);
}

TEST(Constraint, SeveralCallsMayHaveTheSchemasThatOneMay) {
  const text::JsonValue large = text::parse_python_json(
      R"({"type": "object", "properties": {"a": {"const": ")" + std::string(4000, 'x') + R"("}}})",
      "");  // more than half of the states that a grammar may have
  for (const ChatStyle style : {ChatStyle::kV31, ChatStyle::kV32}) {
    for (const ToolUse use : {ToolUse::kOneCall, ToolUse::kRequired}) {
      OutputShape shape = tools_shape(style, use, true);
      shape.tools[1].parameters = &large;
      EXPECT_TRUE(make_output_constraint(setting().vocabulary, shape));
    }
  }
}

// DSML writes the parameters that a schema names even where it is not strict.
TEST(Constraint, ALargeSchemaIsRefusedStrictOrNot) {
  const text::JsonValue large = text::parse_python_json(
      "{\"description\": \"" + std::string(kMaxSchemaBytes, 'x') + "\"}", "");
  for (const bool is_strict : {true, false}) {
    OutputShape dsml = tools_shape(ChatStyle::kV32, ToolUse::kRequired, is_strict);
    dsml.tools[1].parameters = &large;
    EXPECT_THAT(refusal_of(dsml), HasSubstr("tools[1].function.parameters#: a schema may have"));
  }
}

TEST(Constraint, ARealModelWritesWhatFits) {
  const std::string folder = levin::testing::mini_model();
  runtime::EngineOptions options;
  options.threads = 1;
  options.context_tokens = 256;
  const auto engine = runtime::Engine::load(folder, options);
  const auto vocabulary = std::make_shared<const ConstraintVocabulary>(
      small_tokenizer(), engine->config().vocab_size,
      std::vector<int32_t>{*small_tokenizer().eos_id()});
  const json schema = json::parse(write_python_json(weather_schema()));
  OutputShape shape;
  shape.format = AnswerFormat::kJsonSchema;
  shape.schema = &weather_schema();
  for (uint64_t seed = 0; seed < 3; ++seed) {
    GenerationRequest request;
    request.prompt = text_prompt(small_tokenizer(), "The weather in the city was").ids;
    request.sampling.temperature = seed == 0 ? 0.0 : 1.0;
    request.sampling.seed = seed;
    request.max_new_tokens = 60;
    request.constraint = make_output_constraint(vocabulary, shape);
    const GenerationResult result =
        generate(*engine, &small_tokenizer(), request, [](const Delta&) { return true; });
    ASSERT_NE(result.finish, runtime::FinishReason::kError) << result.error;
    if (result.finish == runtime::FinishReason::kStop) {
      EXPECT_EQ(misfit_of_text(result.text, schema), "") << result.text;
    }
  }
}

}  // namespace
}  // namespace levin::generation
