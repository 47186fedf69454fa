#include "serve/api/output_shape.h"

#include <fmt/format.h>

#include "base/error.h"
#include "serve/api/api_error.h"

namespace levin::serve::api {
namespace {

generation::AnswerFormat answer_format(ResponseFormat::Kind kind) {
  switch (kind) {
    case ResponseFormat::Kind::kJsonObject:
      return generation::AnswerFormat::kJsonObject;
    case ResponseFormat::Kind::kJsonSchema:
      return generation::AnswerFormat::kJsonSchema;
    case ResponseFormat::Kind::kText:
      break;
  }
  return generation::AnswerFormat::kText;
}

generation::ToolUse tool_use(const ChatRequest& request) {
  const bool is_one_most = !request.allows_parallel_calls;
  switch (request.tool_choice.kind) {
    case ToolChoice::Kind::kRequired:
      return is_one_most ? generation::ToolUse::kOneCall : generation::ToolUse::kRequired;
    case ToolChoice::Kind::kFunction:
      return generation::ToolUse::kOneCall;
    case ToolChoice::Kind::kNone:
    case ToolChoice::Kind::kAuto:
      break;
  }
  return is_one_most ? generation::ToolUse::kAtMostOne : generation::ToolUse::kAuto;
}

/// The tools that may be called: all, or the one that tool_choice names.
std::vector<generation::ConstrainedTool> callable_tools(const ChatRequest& request) {
  std::vector<generation::ConstrainedTool> tools;
  for (size_t idx = 0; idx < request.conversation.tools.size(); ++idx) {
    const text::JsonValue& function = request.conversation.tools[idx];
    const text::JsonValue* strict = function.find("strict");
    const text::JsonValue* parameters = function.find("parameters");
    generation::ConstrainedTool tool{
        .name = function.find("name")->text,
        .parameters = parameters == nullptr || parameters->is(text::JsonValue::Kind::kNull)
                          ? nullptr
                          : parameters,
        .is_strict = strict != nullptr && strict->boolean,
        .schema_name = fmt::format("tools[{}].function.parameters", idx)};
    if (request.tool_choice.kind != ToolChoice::Kind::kFunction ||
        tool.name == request.tool_choice.function) {
      tools.push_back(std::move(tool));
    }
  }
  return tools;
}

/// The field that a schema's error belongs to: "tools[0].function.parameters#/properties/x" names
/// the place within it too.
ApiError schema_error(const base::Error& error) {
  const std::string field = error.where().substr(0, error.where().find('#'));
  return {422, error.what(), {.type = "", .param = field, .code = "invalid_schema"}};
}

}  // namespace

generation::Constraint make_answer_constraint(const ChatRequest& request,
                                              bool begins_with_reasoning,
                                              const ServedModel& model) {
  const generation::OutputShape shape{.style = model.style,
                                      .begins_with_reasoning = begins_with_reasoning,
                                      .format = answer_format(request.response_format.kind),
                                      .schema = &request.response_format.schema,
                                      .tools = callable_tools(request),
                                      .tool_use = tool_use(request)};
  try {
    return generation::make_output_constraint(model.vocabulary, shape);
  } catch (const base::Error& error) {
    if (error.code() == base::ErrorCode::kInvalidArgument && !error.where().empty()) {
      throw schema_error(error);
    }
    throw;
  }
}

}  // namespace levin::serve::api
