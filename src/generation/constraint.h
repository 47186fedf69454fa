// What an answer must be, as a constraint on its tokens: JSON mode, schemas, strict tool calls.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "generation/constraint_mask.h"
#include "generation/grammar.h"
#include "text/chat_style.h"
#include "text/python_json.h"

namespace levin::generation {

enum class AnswerFormat {
  kText,
  kJsonObject,  ///< one JSON object
  kJsonSchema,  ///< one JSON value that fits a schema
};

struct ConstrainedTool {
  std::string name;
  const text::JsonValue* parameters = nullptr;  ///< a JSON Schema; null: there are none
  /// Arguments fit `parameters`. Else they are an object (DSML: of the named parameters, with any
  /// values).
  bool is_strict = false;
  /// Of `parameters` in errors; empty: "tools[N].function.parameters" by the place in `tools`.
  std::string schema_name;
};

enum class ToolUse {
  kAuto,       ///< the model may call tools
  kAtMostOne,  ///< the model may call one tool
  kRequired,   ///< the answer is one or more calls
  kOneCall,    ///< the answer is one call
};

struct OutputShape {
  text::ChatStyle style = text::ChatStyle::kPlain;
  bool begins_with_reasoning = false;  ///< free text up to `</think>` comes first
  AnswerFormat format = AnswerFormat::kText;
  const text::JsonValue* schema = nullptr;  ///< with kJsonSchema
  std::vector<ConstrainedTool> tools;       ///< those that may be called
  ToolUse tool_use = ToolUse::kAuto;
};

/// The grammar of outputs of that shape in the markup of its chat style, or nothing if every output
/// has it: free text, and no tool is strict or required or limited in number. What
/// text::OutputParser reads from an output in the language is what the shape says; free text then
/// never contains the beginning of a tag ("<" and U+FF5C), in whatever tokens.
///
/// `trie` says which tags are tokens of the vocabulary; others are spelt out.
/// Throws Error(kInvalidArgument): a schema that is not supported or too large (json_schema.h),
/// with `where` as in "tools[0].function.parameters#/properties/city"; tools in a style that has
/// none.
[[nodiscard]] std::optional<Grammar> output_grammar(const TokenTrie& trie,
                                                    const OutputShape& shape);

/// output_grammar as runtime::Request::constraint wants it; empty if nothing is constrained. The
/// shape may go once this has returned.
[[nodiscard]] Constraint make_output_constraint(
    const std::shared_ptr<const ConstraintVocabulary>& vocabulary, const OutputShape& shape);

}  // namespace levin::generation
