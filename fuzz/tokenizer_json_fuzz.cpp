// tokenizer.json of any content; an accepted one must encode, and stream what it decodes.
#include <string>
#include <string_view>
#include <vector>

#include "fuzz_target.h"
#include "text/detokenizer.h"
#include "text/tokenizer.h"

namespace {

constexpr std::string_view kSample = "The year 1984, <x>深夜\u3000 abab\r\n<｜User｜>!?\xFF";

std::string stream(const levin::text::Tokenizer& tokenizer, const std::vector<int32_t>& ids) {
  levin::text::Detokenizer detokenizer(tokenizer);
  std::string text;
  for (const int32_t id : ids) {
    text += detokenizer.push(id);
  }
  return text + detokenizer.flush();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  levin::fuzz::expect_answer_or_error([&] {
    const auto tokenizer =
        levin::text::Tokenizer::from_json(levin::fuzz::as_text(data, size), "input");
    const std::vector<int32_t> ids = tokenizer.encode(kSample).ids;
    levin::fuzz::require(stream(tokenizer, ids) == tokenizer.decode(ids),
                         "the streamed text equals the decoded one");
  });
  return 0;
}
