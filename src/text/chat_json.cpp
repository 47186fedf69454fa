#include "text/chat_json.h"

#include <fmt/format.h>

#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"

namespace levin::text {
namespace {

using Kind = JsonValue::Kind;

/// A value that knows where it stands, for errors.
class Field {
 public:
  Field(const JsonValue& value, const std::string& where, std::string path)
      : value_(&value), where_(&where), path_(std::move(path)) {}

  [[nodiscard]] const JsonValue& value() const noexcept { return *value_; }
  [[nodiscard]] bool is(Kind kind) const noexcept { return value_->is(kind); }

  [[noreturn]] void fail(std::string_view problem) const {
    const std::string message(problem);
    throw base::Error(base::ErrorCode::kInvalidArgument,
                      path_.empty() ? message : path_ + ": " + message, *where_);
  }

  void expect(Kind kind) const {
    if (!is(kind)) {
      fail(fmt::format("{} expected, got {}", json_kind_name(kind), json_kind_name(value_->kind)));
    }
  }

  [[nodiscard]] std::string string() const {
    expect(Kind::kString);
    return replace_lone_surrogates(value_->text);
  }

  [[nodiscard]] std::vector<Field> items() const {
    expect(Kind::kArray);
    std::vector<Field> fields;
    for (const JsonValue& item : value_->items) {
      fields.emplace_back(item, *where_, fmt::format("{}[{}]", path_, fields.size()));
    }
    return fields;
  }

  /// The member `key`, unless it is missing or null.
  [[nodiscard]] std::optional<Field> find(std::string_view key) const {
    const JsonValue* member = value_->find(key);
    if (member == nullptr || member->is(Kind::kNull)) {
      return std::nullopt;
    }
    return Field(*member, *where_, child_path(key));
  }

  [[nodiscard]] Field at(std::string_view key) const {
    expect(Kind::kObject);
    const auto member = find(key);
    if (!member) {
      fail(fmt::format("the key \"{}\" is missing", key));
    }
    return *member;
  }

  [[nodiscard]] std::string string_or_empty(std::string_view key) const {
    const auto member = find(key);
    return member ? member->string() : std::string();
  }

 private:
  [[nodiscard]] std::string child_path(std::string_view key) const {
    return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
  }

  const JsonValue* value_;
  const std::string* where_;
  std::string path_;
};

void expect_function_type(const Field& object) {
  if (const auto type = object.find("type"); type && type->string() != "function") {
    type->fail("only the type \"function\" is supported");
  }
}

std::vector<JsonValue> read_tools(const Field& tools) {
  std::vector<JsonValue> functions;
  for (const Field& tool : tools.items()) {
    const Field function = tool.at("function");
    expect_function_type(tool);
    if (function.at("name").string().empty()) {
      function.at("name").fail("a function needs a name");
    }
    if (const auto description = function.find("description")) {
      description->expect(Kind::kString);
    }
    functions.push_back(function.value());
  }
  return functions;
}

std::vector<ToolCall> read_tool_calls(const Field& calls) {
  std::vector<ToolCall> result;
  for (const Field& call : calls.items()) {
    const Field function = call.at("function");
    expect_function_type(call);
    result.push_back({call.string_or_empty("id"), function.at("name").string(),
                      function.at("arguments").string()});
  }
  return result;
}

std::string read_content(const Field& content) {
  if (content.is(Kind::kString)) {
    return content.string();
  }
  if (!content.is(Kind::kArray)) {
    content.fail(fmt::format("a string or an array of text parts expected, got {}",
                             json_kind_name(content.value().kind)));
  }
  std::string text;
  for (const Field& part : content.items()) {
    if (part.at("type").string() != "text") {
      part.fail("only parts of type \"text\" are supported");
    }
    text += part.at("text").string();
  }
  return text;
}

Role read_role(const Field& role) {
  const std::string name = role.string();
  const auto known = role_from_name(name);
  if (!known) {
    role.fail(fmt::format("system, developer, user, assistant or tool expected, got {}",
                          base::quote(name)));
  }
  return *known;
}

void read_assistant_members(const Field& field, bool is_last, ChatMessage& message) {
  const bool is_assistant = message.role == Role::kAssistant;
  for (const char* key : {"reasoning_content", "tool_calls", "prefix"}) {
    if (const auto member = field.find(key); member && !is_assistant) {
      member->fail("only an assistant's message may have it");
    }
  }
  message.reasoning_content = field.string_or_empty("reasoning_content");
  if (const auto calls = field.find("tool_calls")) {
    message.tool_calls = read_tool_calls(*calls);
  }
  if (const auto prefix = field.find("prefix")) {
    prefix->expect(Kind::kBool);
    message.is_prefix = prefix->value().boolean;
    if (message.is_prefix && !is_last) {
      prefix->fail("only the last message may be a prefix");
    }
  }
}

void read_system_members(const Field& field, ChatMessage& message) {
  for (const char* key : {"tools", "response_format"}) {
    if (const auto member = field.find(key); member && !is_system(message.role)) {
      member->fail("only a system or developer message may have it");
    }
  }
  if (const auto tools = field.find("tools")) {
    message.tools = read_tools(*tools);
  }
  if (const auto format = field.find("response_format")) {
    format->expect(Kind::kObject);
    message.response_format = format->value();
  }
}

ChatMessage read_message(const Field& field, bool is_last) {
  ChatMessage message;
  message.role = read_role(field.at("role"));
  const bool may_lack_content = message.role == Role::kAssistant || message.role == Role::kSystem;
  if (const auto content = field.find("content")) {
    message.content = read_content(*content);
  } else if (!may_lack_content) {
    field.fail("the key \"content\" is missing");
  }
  read_assistant_members(field, is_last, message);
  read_system_members(field, message);
  message.tool_call_id = field.string_or_empty("tool_call_id");
  message.name = field.string_or_empty("name");
  return message;
}

}  // namespace

Conversation conversation_from_json(const JsonValue& root, const std::string& where) {
  const Field document(root, where, "");
  if (!document.is(Kind::kArray) && !document.is(Kind::kObject)) {
    document.fail(
        fmt::format("an array of messages or an object with the key \"messages\" expected, got {}",
                    json_kind_name(root.kind)));
  }
  const Field messages =
      document.is(Kind::kArray) ? Field(root, where, "messages") : document.at("messages");
  const std::vector<Field> items = messages.items();
  if (items.empty()) {
    messages.fail("at least one message expected");
  }
  Conversation conversation;
  for (const Field& item : items) {
    const bool is_last = conversation.messages.size() + 1 == items.size();
    conversation.messages.push_back(read_message(item, is_last));
  }
  if (const auto tools = document.find("tools")) {
    conversation.tools = read_tools(*tools);
  }
  return conversation;
}

Conversation parse_conversation(std::string_view json, const std::string& where) {
  return conversation_from_json(parse_python_json(json, where), where);
}

}  // namespace levin::text
