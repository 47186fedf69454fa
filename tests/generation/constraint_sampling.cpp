#include "constraint_sampling.h"

#include <gtest/gtest.h>

#include "base/mini_model.h"
#include "base/random.h"

namespace levin::generation {
namespace {

bool is_closing(std::string_view bytes) {
  return bytes.size() == 1 && std::string_view("\"}],:").find(bytes[0]) != std::string_view::npos;
}

}  // namespace

const text::Tokenizer& small_tokenizer() {
  static const text::Tokenizer tokenizer = text::Tokenizer::load(levin::testing::mini_model());
  return tokenizer;
}

std::shared_ptr<const ConstraintVocabulary> small_vocabulary() {
  static const auto vocabulary = std::make_shared<const ConstraintVocabulary>(
      small_tokenizer(), small_tokenizer().vocab_size(),
      std::vector<int32_t>{*small_tokenizer().eos_id()});
  return vocabulary;
}

RandomAnswer random_answer(const text::Tokenizer& tokenizer, const ConstraintVocabulary& vocabulary,
                           const Constraint& constraint, uint64_t seed, size_t max_tokens) {
  RandomAnswer answer;
  const int32_t end = vocabulary.end_token_ids.front();
  uint64_t counter = 0;
  while (answer.tokens.size() < max_tokens) {
    const runtime::TokenMask* mask = constraint(answer.tokens);
    std::vector<int32_t> allowed;
    std::vector<int32_t> closing;
    for (int32_t token = 0; token < vocabulary.vocab_size; ++token) {
      if (mask->allows(token)) {
        allowed.push_back(token);
        if (token == end || is_closing(tokenizer.token_bytes(token))) {
          closing.push_back(token);
        }
      }
    }
    if (allowed.empty()) {
      ADD_FAILURE() << "no token may follow " << answer.text;
      return answer;
    }
    const bool prefers_closing = base::random_bits(seed, counter++) % 2 == 0 && !closing.empty();
    const std::vector<int32_t>& choice = prefers_closing ? closing : allowed;
    const int32_t token = choice[base::random_bits(seed, counter++) % choice.size()];
    answer.tokens.push_back(token);
    if (token == end) {
      answer.has_ended = true;
      return answer;
    }
    answer.text += tokenizer.token_bytes(token);
  }
  return answer;
}

Constraint schema_constraint(const std::shared_ptr<const ConstraintVocabulary>& vocabulary,
                             const std::string& json) {
  const text::JsonValue schema = text::parse_python_json(json, "schema");
  OutputShape shape;
  shape.format = AnswerFormat::kJsonSchema;
  shape.schema = &schema;
  return make_output_constraint(vocabulary, shape);
}

}  // namespace levin::generation
