#include "model/step.h"

#include <algorithm>

#include "base/error.h"

namespace levin::model {
namespace {

void check_chunk(const Config& config, const Chunk& chunk) {
  const auto tokens = static_cast<int64_t>(chunk.tokens.size());
  if (tokens == 0 || chunk.first_pos < 0 ||
      chunk.first_pos + tokens > config.max_position_embeddings) {
    base::throw_error(base::ErrorCode::kInvalidArgument, "",
                      "a chunk of {} tokens at position {} does not fit the model's context of {}",
                      tokens, chunk.first_pos, config.max_position_embeddings);
  }
  for (const int32_t token : chunk.tokens) {
    if (token < 0 || token >= config.vocab_size) {
      base::throw_error(base::ErrorCode::kInvalidArgument, "",
                        "token id {} is outside the vocabulary of {}", token, config.vocab_size);
    }
  }
}

}  // namespace

std::span<const int32_t> Selection::row(int64_t row) const {
  const auto idx = static_cast<size_t>(row);
  if (forced != nullptr) {
    return (*forced)[idx];
  }
  if (!is_set) {
    return {};
  }
  return {positions.view().row(row), static_cast<size_t>(counts[idx])};
}

void Step::begin(const Config& config, std::span<const Chunk> new_chunks) {
  first_row.clear();
  positions.clear();
  for (const Chunk& chunk : new_chunks) {
    check_chunk(config, chunk);
    first_row.push_back(static_cast<int64_t>(positions.size()));
    for (size_t i = 0; i < chunk.tokens.size(); ++i) {
      positions.push_back(chunk.first_pos + static_cast<int64_t>(i));
    }
  }
  chunks = new_chunks;
  tokens = static_cast<int64_t>(positions.size());
  rope.set_positions(positions);
  selection.is_set = false;
  selection.forced = nullptr;
  stats = {};
  time = {};
}

int64_t Step::longest_selecting() const {
  int64_t longest = 0;
  for (size_t i = 0; i < chunks.size(); ++i) {
    if (!chunks[i].is_dense) {
      longest = std::max(longest, chunks[i].first_pos + chunk_tokens(i));
    }
  }
  return longest;
}

kernels::KvLayerView Step::kv(size_t chunk_idx, int64_t layer_idx,
                              const kernels::KvLayout& layout) const {
  return {chunks[chunk_idx].pages, layer_idx * layout.layer_bytes(), &layout};
}

}  // namespace levin::model
