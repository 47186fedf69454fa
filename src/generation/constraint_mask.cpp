#include "generation/constraint_mask.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace levin::generation {
namespace {

/// Beyond that everything but the present place is forgotten: 1 KB a position, 16 KB a mask.
constexpr size_t kMaxKeptPositions = 4096;
constexpr size_t kMaxKeptMasks = 128;

}  // namespace

ConstraintVocabulary::ConstraintVocabulary(const text::Tokenizer& tokenizer,
                                           int64_t model_vocab_size, std::vector<int32_t> end_ids)
    : trie(tokenizer),
      vocab_size(std::max<int64_t>(model_vocab_size, tokenizer.vocab_size())),
      end_token_ids(std::move(end_ids)) {
  if (end_token_ids.empty()) {
    throw base::Error(base::ErrorCode::kUnsupported,
                      "the model has no token that ends an answer, which constrained output needs");
  }
}

GrammarConstraint::GrammarConstraint(std::shared_ptr<const ConstraintVocabulary> vocabulary,
                                     std::shared_ptr<const Grammar> grammar)
    : vocabulary_(std::move(vocabulary)),
      matcher_(std::move(grammar)),
      position_(matcher_.start()),
      end_mask_(std::make_unique<runtime::TokenMask>(vocabulary_->vocab_size)) {
  for (const int32_t token : vocabulary_->end_token_ids) {
    end_mask_->allow(token);
  }
}

bool GrammarConstraint::is_end(int32_t token) const {
  return std::ranges::find(vocabulary_->end_token_ids, token) != vocabulary_->end_token_ids.end();
}

void GrammarConstraint::advance(int32_t token) {
  const bool may_end = matcher_.is_complete(position_);
  if (has_ended_ || is_end(token)) {
    has_ended_ = true;
    if (!may_end || !is_end(token)) {
      position_ = GrammarMatcher::kNowhere;
    }
  } else {
    const std::string_view symbols = vocabulary_->trie.symbols_of(token);
    position_ = symbols.empty() ? GrammarMatcher::kNowhere : position_;
    for (size_t idx = 0; idx < symbols.size() && position_ != GrammarMatcher::kNowhere; ++idx) {
      position_ = matcher_.step(position_, static_cast<uint8_t>(symbols[idx]));
    }
  }
  if (position_ == GrammarMatcher::kNowhere) {
    position_ = matcher_.start();
    read_tokens_ = 0;
    has_ended_ = false;
    base::throw_error(base::ErrorCode::kInvalidArgument, "constraint",
                      "the token {} does not fit what the answer must be", token);
  }
}

const runtime::TokenMask* GrammarConstraint::mask(const std::vector<int32_t>& generated) {
  if (generated.size() < read_tokens_) {
    position_ = matcher_.start();
    read_tokens_ = 0;
    has_ended_ = false;
  }
  while (read_tokens_ < generated.size()) {
    advance(generated[read_tokens_]);
    ++read_tokens_;
  }
  if (has_ended_) {
    return end_mask_.get();
  }
  if (matcher_.position_count() > kMaxKeptPositions) {
    position_ = matcher_.forget_all_but(position_);
    masks_.clear();
  }
  if (masks_.size() > kMaxKeptMasks) {
    masks_.clear();
  }
  std::unique_ptr<runtime::TokenMask>& known = masks_[position_];
  if (known == nullptr) {
    known = find_mask();
  }
  return known.get();
}

/// Walks the tree; where the grammar does not go on, the whole subtree is skipped.
std::unique_ptr<runtime::TokenMask> GrammarConstraint::find_mask() {
  auto mask = std::make_unique<runtime::TokenMask>(vocabulary_->vocab_size);
  const TokenTrie& trie = vocabulary_->trie;
  const std::vector<TokenTrie::Node>& nodes = trie.nodes();
  std::vector<GrammarMatcher::Position> path(static_cast<size_t>(trie.max_depth()) + 1);
  path[0] = position_;
  for (size_t idx = 0; idx < nodes.size();) {
    const TokenTrie::Node& node = nodes[idx];
    const GrammarMatcher::Position next = matcher_.step(path[node.depth - 1U], node.symbol);
    if (next == GrammarMatcher::kNowhere) {
      idx = static_cast<size_t>(node.end);
      continue;
    }
    path[node.depth] = next;
    for (int32_t rank = node.tokens_begin; rank < node.tokens_end; ++rank) {
      mask->allow(trie.token_ids()[static_cast<size_t>(rank)]);
    }
    ++idx;
  }
  if (matcher_.is_complete(position_)) {
    for (const int32_t token : vocabulary_->end_token_ids) {
      mask->allow(token);
    }
  }
  return mask;
}

Constraint make_constraint(std::shared_ptr<const ConstraintVocabulary> vocabulary,
                           std::shared_ptr<const Grammar> grammar) {
  // Shared, because std::function is copied and the copies follow one answer.
  auto constraint = std::make_shared<GrammarConstraint>(std::move(vocabulary), std::move(grammar));
  return [constraint = std::move(constraint)](const std::vector<int32_t>& generated) {
    return constraint->mask(generated);
  };
}

}  // namespace levin::generation
