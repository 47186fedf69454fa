// How long a context may be, and what its cache costs, decided before any of it is allocated.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace levin::runtime {

struct MemoryRequest {
  int64_t context_tokens = 0;  ///< wanted, from wanted_context
  int64_t cache_bytes = 0;     ///< wanted; 0: by most_contexts
  /// Without cache_bytes: as many sequences of the whole context as fit into a quarter of the
  /// available memory, at least one and at most these.
  int64_t most_contexts = 1;
  int64_t page_bytes = 0;       ///< of one page of kPageTokens tokens
  int64_t available_bytes = 0;  ///< what the system can give; 0: it does not say, all is allowed
  /// Working memory of the largest step in a context of so many tokens; does not fall with them.
  std::function<int64_t(int64_t context_tokens)> activation_bytes;
};

struct MemoryPlan {
  int64_t context_tokens = 0;  ///< longest sequence
  int64_t pages = 0;           ///< of the pool
};

/// The context to plan for: `asked_tokens`, or max_position_embeddings for 0.
/// Throws Error(kInvalidArgument) for a context beyond the model's.
int64_t wanted_context(int64_t asked_tokens, int64_t max_position_embeddings);

/// Throws Error(kInvalidArgument) for cache_bytes that cannot hold the context, Error(kOutOfMemory)
/// with the bytes needed and available and what would fit: the longest context, or, where the
/// caller named the cache, the largest cache.
MemoryPlan plan_memory(const MemoryRequest& request);

}  // namespace levin::runtime
