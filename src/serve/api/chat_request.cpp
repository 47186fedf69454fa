#include "serve/api/chat_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/error.h"
#include "serve/api/api_error.h"
#include "text/chat_json.h"

namespace levin::serve::api {
namespace {

using text::JsonValue;
using Kind = text::JsonValue::Kind;

constexpr size_t kMaxTools = 128;
constexpr size_t kMaxNameBytes = 64;
constexpr int64_t kMaxTopLogprobs = 20;

bool is_function_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

/// Checks names and schemas of `tools`; the text layer has found the functions themselves.
std::set<std::string> check_tools(const JsonFields& fields) {
  std::set<std::string> names;
  const std::vector<JsonValue>* tools = fields.array("tools", kMaxTools);
  for (size_t i = 0; tools != nullptr && i < tools->size(); ++i) {
    const JsonFields tool((*tools)[i], fmt::format("tools[{}]", i));
    if (tool.string("type").value_or("function") != "function") {
      throw invalid_parameter(tool.path_of("type"), "\"function\" expected");
    }
    const std::optional<JsonFields> function = tool.object("function");
    if (!function.has_value()) {
      throw invalid_parameter(tool.path_of("function"), "required, and missing");
    }
    const std::string name = function->string("name").value_or("");
    if (!is_function_name(name)) {
      throw invalid_parameter(
          function->path_of("name"),
          fmt::format("1 to {} letters, digits, _ or - expected", kMaxNameBytes));
    }
    if (!names.insert(name).second) {
      throw invalid_parameter(function->path_of("name"),
                              fmt::format("the name {:?} stands there twice", name));
    }
    (void)function->string("description");
    (void)function->object("parameters");
    (void)function->boolean("strict");
  }
  return names;
}

ToolChoice read_tool_choice(const JsonFields& fields, const std::set<std::string>& tools) {
  ToolChoice choice;
  const JsonValue* value = fields.find("tool_choice");
  if (value == nullptr) {
    choice.kind = tools.empty() ? ToolChoice::Kind::kNone : ToolChoice::Kind::kAuto;
    return choice;
  }
  if (value->is(Kind::kObject)) {
    const JsonFields object(*value, "tool_choice");
    const std::optional<JsonFields> function = object.object("function");
    choice.kind = ToolChoice::Kind::kFunction;
    choice.function = function.has_value() ? function->string("name").value_or("") : "";
    if (!tools.contains(choice.function)) {
      throw invalid_parameter("tool_choice.function.name", "the name of one of the tools expected");
    }
    return choice;
  }
  const std::string name = fields.string("tool_choice").value_or("");
  if (name == "auto") {
    choice.kind = ToolChoice::Kind::kAuto;
  } else if (name == "required") {
    choice.kind = ToolChoice::Kind::kRequired;
  } else if (name != "none") {
    throw invalid_parameter("tool_choice",
                            "\"none\", \"auto\", \"required\" or a function expected");
  }
  if (choice.kind == ToolChoice::Kind::kRequired && tools.empty()) {
    throw invalid_parameter("tool_choice", "\"required\" needs \"tools\"");
  }
  return choice;
}

ResponseFormat read_response_format(const JsonFields& fields) {
  ResponseFormat format;
  const std::optional<JsonFields> object = fields.object("response_format");
  if (!object.has_value()) {
    return format;
  }
  const std::string type = object->string("type").value_or("");
  if (type == "json_object") {
    format.kind = ResponseFormat::Kind::kJsonObject;
  } else if (type == "json_schema") {
    const std::optional<JsonFields> holder = object->object("json_schema");
    const JsonValue* schema = holder.has_value() ? holder->find("schema") : nullptr;
    if (schema == nullptr) {
      throw invalid_parameter("response_format.json_schema.schema", "required, and missing");
    }
    format.kind = ResponseFormat::Kind::kJsonSchema;
    format.schema = *schema;
  } else if (type != "text") {
    throw invalid_parameter("response_format.type",
                            "\"text\", \"json_object\" or \"json_schema\" expected");
  }
  return format;
}

void read_logprobs(const JsonFields& fields, ChatRequest& request) {
  request.wants_logprobs = fields.boolean("logprobs").value_or(false);
  const std::optional<int64_t> top = fields.integer("top_logprobs", 0, kMaxTopLogprobs);
  if (top.value_or(0) > 0 && !request.wants_logprobs) {
    throw invalid_parameter("top_logprobs", "needs \"logprobs\": true");
  }
  request.top_logprobs = static_cast<int32_t>(top.value_or(0));
}

/// The encoding of V3.2 has them in system messages; here the request has its own.
void refuse_members_of_messages(const text::Conversation& conversation) {
  for (size_t idx = 0; idx < conversation.messages.size(); ++idx) {
    const text::ChatMessage& message = conversation.messages[idx];
    if (!message.tools.empty()) {
      throw invalid_parameter(fmt::format("messages[{}].tools", idx),
                              "give the tools beside \"messages\", not in one");
    }
    if (message.response_format.has_value()) {
      throw invalid_parameter(fmt::format("messages[{}].response_format", idx),
                              "give it beside \"messages\", not in one");
    }
  }
}

text::Conversation read_conversation(const JsonValue& root, const JsonFields& fields) {
  if (!fields.has("messages")) {
    throw invalid_parameter("messages", "required, and missing");
  }
  text::Conversation conversation;
  try {
    conversation = text::conversation_from_json(root, "");
  } catch (const base::Error& error) {
    throw to_api_error(error);
  }
  refuse_members_of_messages(conversation);
  return conversation;
}

}  // namespace

ChatRequest parse_chat_request(std::string_view body) {
  const JsonValue root = parse_request_body(body);
  const JsonFields fields(root, "");
  ChatRequest request;
  request.common = read_common_fields(fields, 1);
  const std::set<std::string> tools = check_tools(fields);
  request.tool_choice = read_tool_choice(fields, tools);
  request.allows_parallel_calls = fields.boolean("parallel_tool_calls").value_or(true);
  request.conversation = read_conversation(root, fields);
  request.is_thinking = read_thinking(fields);
  request.response_format = read_response_format(fields);
  if (request.conversation.messages.back().is_prefix &&
      request.response_format.kind != ResponseFormat::Kind::kText) {
    throw invalid_parameter("response_format", "not available together with a prefix");
  }
  if (!request.common.stop.empty() && request.response_format.kind != ResponseFormat::Kind::kText) {
    throw invalid_parameter(
        "stop", "not available together with \"response_format\", whose JSON it would cut");
  }
  read_logprobs(fields, request);
  return request;
}

}  // namespace levin::serve::api
