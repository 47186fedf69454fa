// Reads what a model writes, while it writes it: thinking, answer and tool calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/chat_style.h"

namespace levin::text {

struct OutputEvent {
  enum class Kind : uint8_t {
    kReasoning,  ///< a piece of the thinking
    kContent,    ///< a piece of the answer
    kCallBegin,  ///< a tool call; `text` is the name of the function
    kArguments,  ///< a piece of the call's arguments, which together are JSON text
    kCallEnd,
  };

  Kind kind = Kind::kContent;
  std::string text;  ///< whole characters, well-formed UTF-8
  int call_idx = 0;  ///< of the three call events: 0, 1, ... within the output

  bool operator==(const OutputEvent&) const = default;
};

struct OutputOptions {
  ChatStyle style = ChatStyle::kPlain;
  bool begins_with_reasoning = false;  ///< the prompt ended with `<think>`
  bool reads_calls = false;            ///< off: the markup of calls is content
};

class CallReader;

/// A lenient streaming parser: no output is an error, and the events do not depend on how the text
/// is cut into pieces (except that neighbouring pieces of one kind may be joined).
///
/// - Thinking ends at the first `</think>`; without one everything is thinking. A block of calls
///   ends it too.
/// - A block of calls counts from the moment in which its opening and the name of its first call
///   are complete (within 1,024 bytes). What looks like a block and breaks before that is text like
///   any other, byte for byte.
/// - Inside a block white space between the tags is skipped. At anything else that does not belong
///   there the block ends: an open call is ended (DSML: its arguments closed with a brace), and the
///   rest, from there on, is content.
/// - V3.1: arguments are passed on as they come; empty ones are "{}". They end at any tag of a
/// call.
/// - DSML: the parameters become one JSON object as they come; string values piece by piece, other
///   values once they are complete. A value that is marked as JSON and is none becomes a string. A
///   parameter that the call has already is malformed.
/// - White space after a block is dropped.
/// - Text that ends within a call (the length limit) leaves its arguments incomplete, so that they
///   are not valid JSON; the call is ended all the same. What may be the beginning of a tag at the
///   end of a block is dropped, with the half of a character (or the U+FFFD that stands for it).
/// - Ill-formed UTF-8 becomes U+FFFD.
/// - Styles without such markup (kMarkers, kPlain) give content alone.
///
/// The text is that of the tokens without EOS and other special ones (AnswerStream makes it); a tag
/// counts whether it came as one token or spelt out.
class OutputParser {
 public:
  explicit OutputParser(const OutputOptions& options);
  ~OutputParser();
  OutputParser(OutputParser&& other) noexcept;
  OutputParser& operator=(OutputParser&& other) noexcept;
  OutputParser(const OutputParser&) = delete;
  OutputParser& operator=(const OutputParser&) = delete;

  /// Takes the next piece of the output and returns what is certain. Never half a tag.
  [[nodiscard]] std::vector<OutputEvent> push(std::string_view text);

  /// The end of the output: what was kept back outside of blocks is text after all.
  [[nodiscard]] std::vector<OutputEvent> flush();

  /// True while what comes next would be thinking.
  [[nodiscard]] bool is_reasoning() const noexcept { return state_ == State::kReasoning; }

  /// True once a call has begun.
  [[nodiscard]] bool has_calls() const noexcept;

  /// After flush: true if the output ended before its last call did.
  [[nodiscard]] bool has_cut_call() const noexcept { return has_cut_call_; }

 private:
  enum class State : uint8_t { kReasoning, kContent, kBlock, kAfterBlock };
  using Events = std::vector<OutputEvent>;

  void read(Events& events);
  bool read_text(Events& events);
  bool read_block(Events& events);
  void emit_text(size_t length, Events& events);

  State state_;
  std::unique_ptr<CallReader> calls_;  // null: the style has no calls, or they are not wanted
  bool has_cut_call_ = false;
  std::string bytes_;    // the beginning of a character, or a U+FFFD
  std::string pending_;  // well-formed text that is not understood yet
};

/// The events of a whole output. For tests and fuzzing: what streams is fed to an OutputParser.
[[nodiscard]] std::vector<OutputEvent> parse_output(std::string_view text,
                                                    const OutputOptions& options);

}  // namespace levin::text
