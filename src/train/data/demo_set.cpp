#include "train/data/demo_set.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "train/data/eval_set.h"

namespace levin::train::data {

using nlohmann::ordered_json;

DemoSet make_demo_set(const text::Tokenizer& tokenizer, const Corpus& held_out,
                      const std::vector<std::string>& words, const DemoSpec& spec) {
  const std::string lines = make_eval_set(tokenizer, held_out, words,
                                          {.lengths = {spec.length},
                                           .questions = spec.questions,
                                           .questions_per_document = spec.questions,
                                           .facts = spec.questions,
                                           .depth_bins = spec.questions,
                                           .book = spec.book,
                                           .seed = spec.seed});
  const auto document = ordered_json::parse(lines.substr(0, lines.find('\n')));
  const ordered_json& asked = document.at("questions");
  if (std::ssize(asked) < spec.questions) {
    base::throw_error(base::ErrorCode::kInvalidArgument, "length",
                      "{} tokens hold {} facts, {} are wanted: ask for fewer or more tokens",
                      spec.length, asked.size(), spec.questions);
  }
  ordered_json questions = ordered_json::array();
  for (const ordered_json& question : asked) {
    questions.push_back(
        {{"question", question.at("question")}, {"answer", question.at("response")}});
  }
  return {document.at("document"), questions.dump(1) + "\n"};
}

}  // namespace levin::train::data
