// How long a context may be, and what its cache costs, decided before any of it is allocated.
#pragma once

#include <cstdint>
#include <string>

namespace levin::runtime {

struct MemoryRequest {
  int64_t context_tokens = 0;  ///< wanted; 0: max_position_embeddings
  int64_t cache_bytes = 0;     ///< wanted; 0: enough for one sequence of the context
  int64_t max_position_embeddings = 0;
  int64_t page_bytes = 0;        ///< of one page of kPageTokens tokens
  int64_t activation_bytes = 0;  ///< working memory of the largest step
  int64_t available_bytes = 0;   ///< what the system can give
};

struct MemoryPlan {
  int64_t context_tokens = 0;  ///< longest sequence
  int64_t pages = 0;           ///< of the pool
};

/// Throws Error(kInvalidArgument) for a context beyond the model's or for cache_bytes that cannot
/// hold the context, Error(kOutOfMemory) with the bytes needed and available, and the longest
/// context that would fit.
MemoryPlan plan_memory(const MemoryRequest& request);

/// "12.3 GB", "4.0 MB", "512 B": powers of 1000.
std::string format_bytes(int64_t bytes);

}  // namespace levin::runtime
