// Answers drawn at random from the tokens that a constraint allows.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "generation/constraint.h"

namespace levin::generation {

/// The 4,096-token tokenizer of models/mini and what constraints need of it.
const text::Tokenizer& small_tokenizer();
std::shared_ptr<const ConstraintVocabulary> small_vocabulary();

struct RandomAnswer {
  std::string text;
  std::vector<int32_t> tokens;
  bool has_ended = false;  ///< with the token that ends an answer; else the length limit cut it
};

/// Draws uniformly among the allowed tokens; every second time among those that are single
/// characters of JSON's punctuation or the end, if there are any, so that answers come to an end.
RandomAnswer random_answer(const text::Tokenizer& tokenizer, const ConstraintVocabulary& vocabulary,
                           const Constraint& constraint, uint64_t seed, size_t max_tokens);

/// The constraint for one JSON value of the schema in `json`, without chat markup.
Constraint schema_constraint(const std::shared_ptr<const ConstraintVocabulary>& vocabulary,
                             const std::string& json);

}  // namespace levin::generation
