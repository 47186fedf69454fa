// A rendered prompt: stretches of template markup and of content that must never become markup.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace levin::text {

/// Markup strings of DeepSeek's templates (bars are U+FF5C, low blocks U+2581).
namespace markup {
inline constexpr std::string_view kBos = "<｜begin▁of▁sentence｜>";
inline constexpr std::string_view kEos = "<｜end▁of▁sentence｜>";
inline constexpr std::string_view kUser = "<｜User｜>";
inline constexpr std::string_view kAssistant = "<｜Assistant｜>";
inline constexpr std::string_view kThinkBegin = "<think>";
inline constexpr std::string_view kThinkEnd = "</think>";
inline constexpr std::string_view kToolCallsBegin = "<｜tool▁calls▁begin｜>";
inline constexpr std::string_view kToolCallsEnd = "<｜tool▁calls▁end｜>";
inline constexpr std::string_view kToolCallBegin = "<｜tool▁call▁begin｜>";
inline constexpr std::string_view kToolCallEnd = "<｜tool▁call▁end｜>";
inline constexpr std::string_view kToolSep = "<｜tool▁sep｜>";
inline constexpr std::string_view kToolOutputBegin = "<｜tool▁output▁begin｜>";
inline constexpr std::string_view kToolOutputEnd = "<｜tool▁output▁end｜>";
inline constexpr std::string_view kDsml = "｜DSML｜";
}  // namespace markup

class Prompt {
 public:
  /// Appends template text, in which added tokens are matched.
  Prompt& markup(std::string_view text) { return append(text, true); }
  /// Appends what a user, a tool or the model wrote.
  Prompt& content(std::string_view text) { return append(text, false); }
  /// Append the tokenizer's own BOS and EOS, whatever their names; nothing where it has none.
  Prompt& bos() { return append(markup::kBos, PromptSegment::Mark::kBos); }
  Prompt& eos() { return append(markup::kEos, PromptSegment::Mark::kEos); }
  Prompt& append(const Prompt& other);

  /// For Tokenizer::encode.
  [[nodiscard]] const std::vector<PromptSegment>& segments() const noexcept { return segments_; }

  /// The prompt as one string, BOS and EOS by DeepSeek's names.
  [[nodiscard]] std::string text() const;

 private:
  Prompt& append(std::string_view text, bool is_markup);
  Prompt& append(std::string_view name, PromptSegment::Mark mark);

  std::vector<PromptSegment> segments_;
};

}  // namespace levin::text
