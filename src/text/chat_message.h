// A conversation as plain data, whatever form it came in.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/python_json.h"

namespace levin::text {

enum class Role { kSystem, kDeveloper, kUser, kAssistant, kTool };

/// A call of a function by the assistant.
struct ToolCall {
  std::string id;  ///< never shown to the model; may be empty
  std::string name;
  std::string arguments;  ///< JSON text
};

struct ChatMessage {
  Role role = Role::kUser;
  std::string content;
  std::string reasoning_content;     ///< assistant: the thinking before `content`
  std::vector<ToolCall> tool_calls;  ///< assistant
  std::string tool_call_id;          ///< tool: the call that this answers; matched by order
  std::string name;                  ///< not shown to the model
  bool is_prefix = false;            ///< assistant, last message: the model goes on from here
  std::vector<JsonValue> tools;  ///< system, developer: the "function" objects of OpenAI's tools
  std::optional<JsonValue> response_format;  ///< system, developer: a schema for the answer
};

struct Conversation {
  std::vector<ChatMessage> messages;
  std::vector<JsonValue> tools;  ///< of the whole request: "function" objects
};

struct ChatOptions {
  bool is_thinking = false;
  bool add_bos = true;                ///< not with context_messages > 0
  bool add_generation_prompt = true;  ///< DSML has it in the user and tool messages
  bool drop_thinking = true;          ///< DSML: leave out earlier developer messages too
  size_t context_messages = 0;  ///< DSML: so many messages were rendered before and are not again
};

/// True for system and developer, newer programs' name for the same: what the styles without a
/// developer role of their own (all but kV32) make of it.
[[nodiscard]] constexpr bool is_system(Role role) noexcept {
  return role == Role::kSystem || role == Role::kDeveloper;
}

/// "user", "assistant", ...
[[nodiscard]] std::string_view role_name(Role role) noexcept;

/// The role of that name; nothing if there is none.
[[nodiscard]] std::optional<Role> role_from_name(std::string_view name) noexcept;

}  // namespace levin::text
