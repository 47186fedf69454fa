#include "generation/constraint.h"

#include <fmt/format.h>

#include <algorithm>
#include <list>
#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "generation/json_schema.h"
#include "text/prompt.h"

namespace levin::generation {
namespace {

using Fragment = GrammarBuilder::Fragment;
using text::ChatStyle;
using text::JsonValue;

/// The beginning of every tag but `</think>`.
constexpr std::string_view kTagBegin = "<｜";

constexpr const char* kSchemaName = "response_format.json_schema.schema";

bool must_call(const OutputShape& shape) {
  return !shape.tools.empty() &&
         (shape.tool_use == ToolUse::kRequired || shape.tool_use == ToolUse::kOneCall);
}

bool is_one_call_most(const OutputShape& shape) {
  return shape.tool_use == ToolUse::kAtMostOne || shape.tool_use == ToolUse::kOneCall;
}

class OutputGrammar {
 public:
  OutputGrammar(const TokenTrie& trie, const OutputShape& shape)
      : trie_(trie), shape_(shape), json_(builder_) {}

  Grammar build() {
    const Fragment output =
        shape_.begins_with_reasoning ? builder_.sequence({reasoning(), answer()}) : answer();
    builder_.set_place(nullptr);
    const GrammarBuilder::Rule root = builder_.add_rule(output);
    for (SchemaCompiler& schema : schemas_) {
      schema.define_rules();
    }
    return builder_.finish(root);
  }

 private:
  Fragment answer() {
    if (shape_.tools.empty()) {
      return content();
    }
    if (must_call(shape_)) {
      return calls(true);
    }
    if (shape_.format == AnswerFormat::kText) {
      return builder_.sequence({content(), builder_.optional(calls(false))});
    }
    return builder_.choice({content(), calls(true)});
  }

  Fragment content() {
    switch (shape_.format) {
      case AnswerFormat::kText:
        return text_without({kTagBegin});
      case AnswerFormat::kJsonObject:
        return builder_.sequence({lead(), builder_.call(json_.object())});
      case AnswerFormat::kJsonSchema:
        break;
    }
    return builder_.sequence({lead(), builder_.call(schema(*shape_.schema, kSchemaName).root())});
  }

  /// White space in front of JSON; models like to begin an answer with a blank line.
  Fragment lead() { return builder_.choice({json_.space(), builder_.literal("\n\n")}); }

  /// Thinking and its end.
  Fragment reasoning() {
    const std::string_view end = markup_text(MarkupToken::kThinkEnd);
    return builder_.sequence({text_without({end, kTagBegin}), markup(MarkupToken::kThinkEnd)});
  }

  /// A block of calls; `with_gap`: with the blank line that DSML has in front of it.
  Fragment calls(bool with_gap) {
    if (shape_.style == ChatStyle::kV32) {
      return builder_.sequence({builder_.literal(with_gap ? "\n\n" : ""), calls_v32()});
    }
    return calls_v31();
  }

  /// One call, or several where they are allowed: a rule, so that what stands once serves all.
  Fragment repeated(const std::vector<Fragment>& calls) {
    builder_.set_place(nullptr);
    const GrammarBuilder::Rule any_call = builder_.add_rule(builder_.choice(calls));
    return builder_.repeat(1, is_one_call_most(shape_) ? 1 : -1,
                           [&] { return builder_.call(any_call); });
  }

  Fragment calls_v31() {
    std::vector<Fragment> ways;
    for (size_t idx = 0; idx < shape_.tools.size(); ++idx) {
      ways.push_back(builder_.sequence(
          {markup(MarkupToken::kToolCallBegin), builder_.literal(shape_.tools[idx].name),
           markup(MarkupToken::kToolSep), arguments(idx), markup(MarkupToken::kToolCallEnd)}));
    }
    return builder_.sequence(
        {markup(MarkupToken::kToolCallsBegin), repeated(ways), markup(MarkupToken::kToolCallsEnd)});
  }

  Fragment arguments(size_t tool_idx) {
    const ConstrainedTool& tool = shape_.tools[tool_idx];
    if (!tool.is_strict) {
      return builder_.call(json_.object());
    }
    if (tool.parameters == nullptr) {
      return builder_.literal("{}");
    }
    SchemaCompiler& parameters = schema(*tool.parameters, parameters_name(tool_idx));
    (void)parameters.root_properties();  // checks that it is an object
    return builder_.call(parameters.root());
  }

  Fragment calls_v32() {
    std::vector<Fragment> ways;
    for (size_t idx = 0; idx < shape_.tools.size(); ++idx) {
      ways.push_back(
          builder_.sequence({dsml("<", "invoke name=\""), builder_.literal(shape_.tools[idx].name),
                             builder_.literal("\">\n"), parameters(idx), dsml("</", "invoke>\n")}));
    }
    return builder_.sequence(
        {dsml("<", "function_calls>\n"), repeated(ways), dsml("</", "function_calls>")});
  }

  /// The parameters of a DSML call, in the order of the schema.
  Fragment parameters(size_t tool_idx) {
    const ConstrainedTool& tool = shape_.tools[tool_idx];
    Fragment made = builder_.empty();
    if (tool.parameters == nullptr) {
      return made;
    }
    std::vector<SchemaCompiler::Property> properties;
    if (tool.is_strict) {
      properties = schema(*tool.parameters, parameters_name(tool_idx)).root_properties();
    } else {
      properties = loose_properties(*tool.parameters, parameters_name(tool_idx));
    }
    for (const SchemaCompiler::Property& property : properties) {
      const Fragment one = parameter(property);
      made = builder_.sequence({made, property.is_required ? one : builder_.optional(one)});
    }
    return made;
  }

  Fragment parameter(const SchemaCompiler::Property& property) {
    const auto value = [&](bool is_string) {
      return builder_.sequence({builder_.literal(is_string ? "true\">" : "false\">"),
                                builder_.call(is_string ? property.text : property.other)});
    };
    return builder_.sequence({dsml("<", "parameter name=\""), builder_.literal(property.key),
                              builder_.literal("\" string=\""),
                              builder_.choice({value(true), value(false)}),
                              dsml("</", "parameter>\n")});
  }

  /// The named properties with any values; nothing else of the schema is read.
  std::vector<SchemaCompiler::Property> loose_properties(const JsonValue& parameters,
                                                         const std::string& name) {
    check_schema_bytes(builder_, parameters, builder_.add_place(nullptr, name + "#"));
    const std::set<std::string_view> required = required_keys(parameters);
    std::vector<SchemaCompiler::Property> made;
    const JsonValue* properties = parameters.find("properties");
    if (properties == nullptr) {
      return made;
    }
    for (const text::JsonMember& property : properties->members) {
      made.push_back({property.key, required.contains(property.key), json_.string(CharForm::kRaw),
                      json_.value_but_string()});
    }
    return made;
  }

  std::set<std::string_view> required_keys(const JsonValue& parameters) {
    std::set<std::string_view> keys;
    const JsonValue* required = parameters.find("required");
    if (required == nullptr) {
      return keys;
    }
    builder_.charge(kStepsPerKey * static_cast<int64_t>(required->items.size()));
    for (const JsonValue& item : required->items) {
      if (item.is(JsonValue::Kind::kString)) {
        keys.insert(item.text);
      }
    }
    return keys;
  }

  [[nodiscard]] std::string parameters_name(size_t tool_idx) const {
    const std::string& name = shape_.tools[tool_idx].schema_name;
    return name.empty() ? fmt::format("tools[{}].function.parameters", tool_idx) : name;
  }

  SchemaCompiler& schema(const JsonValue& value, const std::string& name) {
    return schemas_.emplace_back(builder_, json_, value, name);
  }

  Fragment markup(MarkupToken token) {
    if (!trie_.has_token(token)) {
      return builder_.literal(markup_text(token));
    }
    return builder_.symbols(markup_symbol(token), markup_symbol(token));
  }

  Fragment dsml(std::string_view before, std::string_view after) {
    return builder_.sequence(
        {builder_.literal(before), markup(MarkupToken::kDsml), builder_.literal(after)});
  }

  Fragment text_without(const std::vector<std::string_view>& marks);

  GrammarBuilder builder_;
  const TokenTrie& trie_;
  const OutputShape& shape_;
  JsonRules json_;
  std::list<SchemaCompiler> schemas_;  // a list: they stay where they are
};

/// Any bytes of text in which none of the marks occurs. The states are what the text ends with, as
/// far as it begins a mark (Aho and Corasick).
Fragment OutputGrammar::text_without(const std::vector<std::string_view>& marks) {
  std::set<std::string_view> prefixes;
  for (const std::string_view mark : marks) {
    for (size_t length = 0; length < mark.size(); ++length) {
      prefixes.insert(mark.substr(0, length));
    }
  }
  const Fragment whole = builder_.nothing();
  std::map<std::string_view, int32_t> states;
  for (const std::string_view prefix : prefixes) {
    states[prefix] = prefix.empty() ? whole.begin : builder_.add_state();
    builder_.add_empty_edge(states[prefix], whole.end);
  }
  for (const std::string_view prefix : prefixes) {
    for (int byte = 0; byte <= kLastTextByte; ++byte) {
      const std::string text = std::string(prefix) + static_cast<char>(byte);
      std::string_view rest = text;
      while (!prefixes.contains(rest) && std::ranges::find(marks, rest) == marks.end()) {
        rest.remove_prefix(1);
      }
      const auto known = states.find(rest);
      if (known != states.end()) {
        builder_.add_edge(states[prefix], static_cast<uint8_t>(byte), static_cast<uint8_t>(byte),
                          known->second);
      }
    }
  }
  return whole;
}

}  // namespace

std::optional<Grammar> output_grammar(const TokenTrie& trie, const OutputShape& shape) {
  const bool has_calls = shape.style != ChatStyle::kMarkers && shape.style != ChatStyle::kPlain;
  const bool has_strict_tools =
      std::ranges::any_of(shape.tools, [](const ConstrainedTool& tool) { return tool.is_strict; });
  const bool limits_calls = !shape.tools.empty() && has_calls && is_one_call_most(shape);
  if (shape.format == AnswerFormat::kText && !has_strict_tools && !must_call(shape) &&
      !limits_calls) {
    return std::nullopt;
  }
  if (!shape.tools.empty() && !has_calls) {
    throw base::Error(base::ErrorCode::kInvalidArgument,
                      "this model cannot call tools: its tokenizer has no markup for them",
                      "tools");
  }
  return OutputGrammar(trie, shape).build();
}

Constraint make_output_constraint(const std::shared_ptr<const ConstraintVocabulary>& vocabulary,
                                  const OutputShape& shape) {
  std::optional<Grammar> grammar = output_grammar(vocabulary->trie, shape);
  if (!grammar) {
    return {};
  }
  return make_constraint(vocabulary, std::make_shared<const Grammar>(*std::move(grammar)));
}

}  // namespace levin::generation
