#include "cli/conversation.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "formats/json.h"

namespace levin::cli {
namespace {

using base::ErrorCode;
using nlohmann::json;

constexpr int64_t kMaxFileBytes = int64_t{64} << 20;

void add_from_json(text::Conversation& conversation, const json& entry, const std::string& path) {
  const auto is_text = [&](const char* key) {
    return entry.is_object() && entry.contains(key) && entry[key].is_string();
  };
  if (!is_text("role") || !is_text("content")) {
    throw base::Error(ErrorCode::kInvalidFile, "every message needs the texts `role` and `content`",
                      path);
  }
  const auto role_text = entry["role"].get<std::string>();
  const std::optional<text::Role> role = text::role_from_name(role_text);
  if (!role.has_value()) {
    base::throw_error(ErrorCode::kInvalidFile, path, "{} is not a role", base::quote(role_text));
  }
  add_message(conversation, *role, entry["content"].get<std::string>());
}

}  // namespace

void add_message(text::Conversation& conversation, text::Role role, std::string content) {
  text::ChatMessage message;
  message.role = role;
  message.content = std::move(content);
  conversation.messages.push_back(std::move(message));
}

void save_conversation(const text::Conversation& conversation, const std::string& path) {
  json messages = json::array();
  for (const text::ChatMessage& message : conversation.messages) {
    messages.push_back({{"role", text::role_name(message.role)}, {"content", message.content}});
  }
  const json file = {{"messages", std::move(messages)}};
  base::write_file_atomically(
      path, file.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

text::Conversation load_conversation(const std::string& path) {
  const json file = formats::parse_json(base::read_file(path, kMaxFileBytes), path);
  if (!file.is_object() || !file.contains("messages") || !file["messages"].is_array()) {
    throw base::Error(ErrorCode::kInvalidFile, "wanted an object with a list `messages`", path);
  }
  text::Conversation conversation;
  for (const json& entry : file["messages"]) {
    add_from_json(conversation, entry, path);
  }
  return conversation;
}

}  // namespace levin::cli
