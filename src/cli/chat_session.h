// The conversation of `levin chat`: turns and slash commands.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "generation/generator.h"
#include "text/chat_message.h"
#include "text/chat_style.h"
#include "text/tokenizer.h"

namespace levin::cli {

class ChatSession {
 public:
  /// `defaults` holds sampling and stop settings of every turn. Engine and tokenizer outlive this.
  ChatSession(runtime::Engine& engine, const text::Tokenizer& tokenizer, text::ChatStyle style,
              generation::GenerationRequest defaults, bool is_thinking);

  /// Sets or replaces the system prompt.
  void set_system(const std::string& prompt);

  /// Runs one line of input, a command or a message. False: the user wants to leave. Failures are
  /// told on stderr and leave the conversation as it was.
  [[nodiscard]] bool handle(const std::string& line);

 private:
  void answer(const std::string& message);
  void run_command(std::string_view name, const std::string& argument);
  void reset();

  runtime::Engine& engine_;
  const text::Tokenizer& tokenizer_;
  text::ChatStyle style_;
  generation::GenerationRequest defaults_;
  bool is_thinking_;
  text::Conversation conversation_;
  std::optional<std::string> last_summary_;
};

}  // namespace levin::cli
