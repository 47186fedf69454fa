// Which tokens may come next under a grammar: what the sampler asks before each token.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "generation/constraint_matcher.h"
#include "generation/constraint_trie.h"
#include "runtime/sampler.h"
#include "text/tokenizer.h"

namespace levin::generation {

/// What all constraints of a model share. Immutable.
struct ConstraintVocabulary {
  /// `vocab_size` is the model's, which may exceed the tokenizer's. `end_token_ids` end an answer.
  /// Throws Error(kUnsupported) if there are none.
  ConstraintVocabulary(const text::Tokenizer& tokenizer, int64_t model_vocab_size,
                       std::vector<int32_t> end_ids);

  TokenTrie trie;
  int64_t vocab_size = 0;
  std::vector<int32_t> end_token_ids;
};

/// Follows one answer. The tokens that end the answer are allowed exactly where it may end; every
/// mask allows something, so an answer is in the language once it has ended, and a beginning of a
/// text in the language if the length limit cut it.
/// A mask is found by walking the vocabulary's tree along the grammar and kept for the next time
/// that the same place is reached (inside a string that is every token).
class GrammarConstraint {
 public:
  GrammarConstraint(std::shared_ptr<const ConstraintVocabulary> vocabulary,
                    std::shared_ptr<const Grammar> grammar);

  /// The mask after `generated`, valid until the next call. Only what is new since the last call is
  /// read; with a shorter history everything is. Throws Error(kInvalidArgument) for a token that
  /// the mask before it forbade.
  [[nodiscard]] const runtime::TokenMask* mask(const std::vector<int32_t>& generated);

 private:
  void advance(int32_t token);
  [[nodiscard]] std::unique_ptr<runtime::TokenMask> find_mask();
  [[nodiscard]] bool is_end(int32_t token) const;

  std::shared_ptr<const ConstraintVocabulary> vocabulary_;
  GrammarMatcher matcher_;
  GrammarMatcher::Position position_;
  size_t read_tokens_ = 0;
  bool has_ended_ = false;
  std::unordered_map<GrammarMatcher::Position, std::unique_ptr<runtime::TokenMask>> masks_;
  std::unique_ptr<runtime::TokenMask> end_mask_;
};

/// As runtime::Request::constraint wants it.
using Constraint = std::function<const runtime::TokenMask*(const std::vector<int32_t>& generated)>;

/// A GrammarConstraint of its own for one request.
[[nodiscard]] Constraint make_constraint(std::shared_ptr<const ConstraintVocabulary> vocabulary,
                                         std::shared_ptr<const Grammar> grammar);

}  // namespace levin::generation
