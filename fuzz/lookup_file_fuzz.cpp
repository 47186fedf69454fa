// parse_lookup_file on any content of a question file.
#include "eval/lookup_file.h"
#include "fuzz_target.h"

namespace {

void check(const levin::eval::LookupDocument& document) {
  levin::fuzz::require(!document.document.empty() && !document.questions.empty(),
                       "there is something to read and to ask");
  levin::fuzz::require(document.length > 0 && document.hops >= 1 && document.hops <= 2,
                       "length and hops are in their ranges");
  for (const auto& question : document.questions) {
    levin::fuzz::require(question.depth >= 0.0 && question.depth <= 1.0, "depth is a share");
    levin::fuzz::require(!question.question.empty() && !question.answer.empty(),
                         "a question has an answer");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  levin::fuzz::expect_answer_or_error([&] {
    const auto documents =
        levin::eval::parse_lookup_file(levin::fuzz::as_text(data, size), "input");
    levin::fuzz::require(!documents.empty(), "there are questions");
    for (const auto& document : documents) {
      check(document);
    }
  });
  return 0;
}
