// Conversations of any content, rendered in every style, and the same bytes read as a completion.
#include <string>
#include <string_view>

#include "base/utf8.h"
#include "fuzz_target.h"
#include "text/chat_json.h"
#include "text/chat_style.h"
#include "text/chat_v32.h"

namespace {

using levin::fuzz::expect_answer_or_error;
using levin::text::ChatStyle;

void render_all(const levin::text::Conversation& conversation) {
  for (const ChatStyle style : {ChatStyle::kV31, ChatStyle::kV32Exp, ChatStyle::kV32,
                                ChatStyle::kMarkers, ChatStyle::kPlain}) {
    for (const bool is_thinking : {false, true}) {
      levin::text::ChatOptions options;
      options.is_thinking = is_thinking;
      expect_answer_or_error([&] {
        const auto prompt = levin::text::encode_chat(conversation, options, style);
        levin::fuzz::require(levin::base::is_valid_utf8(prompt.text()),
                             "the prompt is well-formed UTF-8");
      });
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = levin::fuzz::as_text(data, size);
  expect_answer_or_error([&] { render_all(levin::text::parse_conversation(text, "input")); });
  for (const bool is_thinking : {false, true}) {
    expect_answer_or_error([&] { (void)levin::text::parse_completion_v32(text, is_thinking); });
  }
  return 0;
}
