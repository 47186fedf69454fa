#include "train/data/sample_writer.h"

#include <set>
#include <string>
#include <utility>

#include "base/error.h"

namespace levin::train::data {
namespace {

float weight_of(const RoleWeights& weights, TokenRole role) {
  switch (role) {
    case TokenRole::kText:
      return weights.text;
    case TokenRole::kFact:
      return weights.fact;
    case TokenRole::kQuestion:
      return weights.question;
    case TokenRole::kAnswer:
      return weights.answer;
    case TokenRole::kValue:
      return weights.value;
    case TokenRole::kCopy:
      return weights.copy;
    case TokenRole::kMarkup:
    case TokenRole::kCopySeed:
      break;
  }
  return 0;
}

}  // namespace

int64_t EncodedQuestion::tokens() const noexcept {
  int64_t tokens = 0;
  for (const Stretch& stretch : stretches) {
    tokens += static_cast<int64_t>(stretch.ids.size());
  }
  return tokens;
}

EncodedQuestion encode_question(const text::Tokenizer& tokenizer, const Marks& marks, Form form,
                                const Question& question, bool is_first) {
  EncodedQuestion encoded;
  encoded.fact_idx = question.fact_idx;
  const auto add = [&](std::vector<int32_t> ids, TokenRole role) {
    encoded.stretches.push_back({std::move(ids), role});
  };
  const auto add_text = [&](const std::string& text, TokenRole role) {
    add(encode_content(tokenizer, text), role);
  };
  const bool is_chat = form != Form::kPlain;
  if (is_chat) {
    if (!is_first || form == Form::kDocumentFirst) {
      add({marks.user}, TokenRole::kMarkup);
    }
    add_text(question.text, TokenRole::kQuestion);
    add({marks.assistant, marks.think_end}, TokenRole::kMarkup);
  } else {
    add_text("Question: " + question.text + "\n", TokenRole::kQuestion);
    add_text("Answer:", TokenRole::kQuestion);
  }
  for (size_t idx = 0; idx < question.answer.size(); ++idx) {
    const AnswerPart& part = question.answer[idx];
    const bool is_last = idx + 1 == question.answer.size();
    add_text((idx == 0 && !is_chat ? " " : "") + part.text + (is_last && !is_chat ? "\n\n" : ""),
             part.role);
  }
  if (is_chat) {
    add({marks.eos}, TokenRole::kAnswer);
  }
  return encoded;
}

int64_t form_tokens(Form form) noexcept {
  return form == Form::kDocumentFirst ? 1 : 2;  // BOS and a turn marker, or EOS in kPlain
}

void SampleWriter::add(const std::vector<int32_t>& ids, TokenRole role) {
  sample_.ids.insert(sample_.ids.end(), ids.begin(), ids.end());
  sample_.weights.insert(sample_.weights.end(), ids.size(), weight_of(weights_, role));
  sample_.roles.insert(sample_.roles.end(), ids.size(), role);
}

Sample SampleWriter::take() {
  if (!sample_.weights.empty()) {
    sample_.weights.front() = 0;
  }
  return std::move(sample_);
}

Sample write_lookup(const Marks& marks, Form form, const std::vector<Passage>& body,
                    const std::vector<EncodedQuestion>& questions, const RoleWeights& weights) {
  SampleWriter writer(weights);
  writer.add_markup(marks.bos);
  if (form == Form::kAsk) {
    writer.add_markup(marks.user);
  }
  std::set<size_t> facts;
  for (const Passage& passage : body) {
    if (passage.is_fact) {
      facts.insert(passage.fact_idx);
    }
    writer.add(passage.ids, passage.is_fact ? TokenRole::kFact : TokenRole::kText);
  }
  for (const EncodedQuestion& question : questions) {
    LEVIN_CHECK(facts.contains(question.fact_idx));
    for (const EncodedQuestion::Stretch& stretch : question.stretches) {
      writer.add(stretch.ids, stretch.role);
    }
  }
  if (form == Form::kPlain) {
    writer.add({marks.eos}, TokenRole::kAnswer);
  }
  return writer.take();
}

}  // namespace levin::train::data
