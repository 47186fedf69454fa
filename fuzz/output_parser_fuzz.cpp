// Any bytes as the output of a model: never an error, and equal however they are cut.
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "fuzz_target.h"
#include "text/output_parser.h"
#include "text/output_parser_calls.h"

namespace {

using levin::text::OutputEvent;

/// The first byte chooses the options, the second how far apart the cuts are.
void parse(std::string_view input) {
  const auto choice = static_cast<uint8_t>(input[0]);
  const size_t stride = 1 + static_cast<uint8_t>(input[1]) % 64;
  const std::string_view output = input.substr(2);
  const levin::text::OutputOptions options{static_cast<levin::text::ChatStyle>(choice % 5),
                                           (choice & 0x40U) != 0, (choice & 0x80U) != 0};
  const std::vector<OutputEvent> whole = levin::text::parse_output(output, options);
  levin::text::OutputParser parser(options);
  std::vector<OutputEvent> cut;
  for (size_t begin = 0; begin < output.size(); begin += stride) {
    for (const OutputEvent& event : parser.push(output.substr(begin, stride))) {
      levin::fuzz::require(levin::base::is_valid_utf8(event.text), "events are whole characters");
      levin::text::add_event(cut, event);
    }
  }
  for (const OutputEvent& event : parser.flush()) {
    levin::text::add_event(cut, event);
  }
  levin::fuzz::require(cut == whole, "the cuts do not change the events");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input = levin::fuzz::as_text(data, size);
  if (input.size() >= 2) {
    levin::fuzz::expect_answer_or_error([&] { parse(input); });
  }
  return 0;
}
