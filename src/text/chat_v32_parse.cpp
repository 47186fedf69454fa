// Completions of DeepSeek-V3.2, read as strictly as by the official parser.
#include <algorithm>
#include <initializer_list>
#include <set>

#include "base/error.h"
#include "base/utf8.h"
#include "text/chat_v32.h"

namespace levin::text {
namespace {

constexpr std::string_view kCallsBegin = "\n\n<｜DSML｜function_calls";
constexpr std::string_view kCallsEnd = "</｜DSML｜function_calls>";
constexpr std::string_view kInvokeBegin = "<｜DSML｜invoke";
constexpr std::string_view kInvokeEnd = "</｜DSML｜invoke";
constexpr std::string_view kParameterBegin = "<｜DSML｜parameter";
constexpr std::string_view kParameterEnd = "</｜DSML｜parameter";

[[noreturn]] void fail(std::string_view problem) {
  base::throw_error(base::ErrorCode::kInvalidArgument, "completion", "{}", problem);
}

/// The text up to the first of several marks, and that mark (empty: none came).
struct Stretch {
  std::string_view text;
  std::string_view stop;
};

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  Stretch read_until(std::initializer_list<std::string_view> stops) {
    size_t end = rest_.size();
    std::string_view found;
    for (const std::string_view stop : stops) {
      const size_t pos = rest_.find(stop);
      if (pos < end) {
        end = pos;
        found = stop;
      }
    }
    const Stretch stretch{rest_.substr(0, end), found};
    rest_.remove_prefix(end + found.size());
    return stretch;
  }

  [[nodiscard]] bool is_at_end() const noexcept { return rest_.empty(); }

 private:
  std::string_view rest_;
};

/// Takes `prefix` off the front of `text`; fails with `problem` if it is not there.
void expect_prefix(std::string_view& text, std::string_view prefix, std::string_view problem) {
  if (!text.starts_with(prefix)) {
    fail(problem);
  }
  text.remove_prefix(prefix.size());
}

struct Parameter {
  std::string_view name;
  std::string_view value;
  bool is_string = false;
};

/// ` name="KEY" string="true|false">value`.
Parameter parse_parameter(std::string_view text) {
  constexpr std::string_view kProblem =
      "a parameter must read name=\"KEY\" string=\"true|false\">value";
  constexpr std::string_view kString = "\" string=\"true\">";
  constexpr std::string_view kOther = "\" string=\"false\">";
  expect_prefix(text, " name=\"", kProblem);
  const size_t as_string = text.find(kString);
  const size_t as_other = text.find(kOther);
  const size_t end = std::min(as_string, as_other);
  if (end == std::string_view::npos) {
    fail(kProblem);
  }
  const bool is_string = as_string < as_other;
  return {text.substr(0, end), text.substr(end + (is_string ? kString : kOther).size()), is_string};
}

/// ` name="NAME">` and a newline; without parameters a second newline may follow.
std::string_view parse_invoke_name(std::string_view text) {
  constexpr std::string_view kProblem = "a call must begin with name=\"NAME\"> and a newline";
  expect_prefix(text, " name=\"", kProblem);
  if (text.ends_with("\">\n\n")) {
    text.remove_suffix(1);
  }
  constexpr std::string_view kTail = "\">\n";
  if (!text.ends_with(kTail)) {
    fail(kProblem);
  }
  text.remove_suffix(kTail.size());
  return text;
}

/// The text up to the next parameter or the end of the call.
Stretch read_call_part(Reader& reader) {
  const Stretch part = reader.read_until({kParameterBegin, kInvokeEnd});
  if (part.stop.empty()) {
    fail("a call does not end");
  }
  return part;
}

/// One call, after `<｜DSML｜invoke` up to `</｜DSML｜invoke`.
ToolCall parse_invoke(Reader& reader) {
  Stretch stretch = read_call_part(reader);
  ToolCall call;
  call.name = parse_invoke_name(stretch.text);
  std::set<std::string_view> names;
  std::string arguments;
  while (stretch.stop == kParameterBegin) {
    const Stretch inside = reader.read_until({kParameterEnd});
    if (inside.stop.empty()) {
      fail("a parameter does not end");
    }
    const Parameter parameter = parse_parameter(inside.text);
    if (!names.insert(parameter.name).second) {
      fail("a call has two parameters of the same name");
    }
    arguments += arguments.empty() ? "" : ", ";
    arguments += write_python_json_string(parameter.name) + ": ";
    arguments += parameter.is_string ? write_python_json_string(parameter.value)
                                     : std::string(parameter.value);
    stretch = read_call_part(reader);
    if (stretch.text != ">\n") {
      fail("a parameter must end with > and a newline");
    }
  }
  call.arguments = "{" + arguments + "}";
  return call;
}

std::vector<ToolCall> parse_calls(Reader& reader) {
  std::vector<ToolCall> calls;
  while (true) {
    const Stretch stretch = reader.read_until({kInvokeBegin, kCallsEnd});
    if (stretch.text != ">\n" || stretch.stop.empty()) {
      fail("a block of calls must hold calls, each on lines of its own, and its end tag");
    }
    if (stretch.stop == kCallsEnd) {
      return calls;
    }
    calls.push_back(parse_invoke(reader));
  }
}

void check_no_markup(std::string_view text) {
  for (const std::string_view mark :
       {markup::kBos, markup::kEos, markup::kThinkBegin, markup::kThinkEnd, markup::kDsml}) {
    if (text.find(mark) != std::string_view::npos) {
      base::throw_error(base::ErrorCode::kInvalidArgument, "completion",
                        "the markup {} stands inside the text", mark);
    }
  }
}

}  // namespace

ChatMessage parse_completion_v32(std::string_view completion, bool is_thinking) {
  if (!base::is_valid_utf8(completion)) {
    fail("the text is not valid UTF-8");
  }
  Reader reader(completion);
  ChatMessage message;
  message.role = Role::kAssistant;
  if (is_thinking) {
    const Stretch thinking = reader.read_until({markup::kThinkEnd, kCallsBegin});
    if (thinking.stop != markup::kThinkEnd) {
      fail("the thinking must end with </think> before anything else");
    }
    message.reasoning_content = thinking.text;
  }
  const Stretch answer = reader.read_until({markup::kEos, kCallsBegin});
  message.content = answer.text;
  if (answer.stop.empty()) {
    fail("the end-of-sentence token is missing");
  }
  if (answer.stop == kCallsBegin) {
    message.tool_calls = parse_calls(reader);
    const Stretch after = reader.read_until({markup::kEos});
    if (!after.text.empty() || after.stop.empty()) {
      fail("after the calls only the end-of-sentence token may follow");
    }
  }
  if (!reader.is_at_end()) {
    fail("text follows the end-of-sentence token");
  }
  check_no_markup(message.content);
  check_no_markup(message.reasoning_content);
  return message;
}

}  // namespace levin::text
