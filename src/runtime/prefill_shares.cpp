#include "runtime/prefill_shares.h"

#include <algorithm>

namespace levin::runtime {
namespace {

// Below 64 tokens a chunk reads the weights for too little work; above 256 the answers of others
// visibly halt.
constexpr int64_t kMinChunkTokens = 64;
constexpr int64_t kMaxMixedChunkTokens = 256;
constexpr int64_t kFewestScoredRows = 16;

}  // namespace

int64_t prefill_budget(int64_t decoding, int64_t chunk_tokens) {
  if (decoding == 0) {
    return chunk_tokens;
  }
  return std::min(chunk_tokens, std::clamp(kMaxMixedChunkTokens / decoding, kMinChunkTokens,
                                           kMaxMixedChunkTokens));
}

int64_t scored_rows_budget(int64_t decoding) {
  return std::max(kMostScoredRows - decoding, kFewestScoredRows);
}

std::vector<int64_t> split_prefill(int64_t budget, std::span<const int64_t> remaining,
                                   size_t first) {
  std::vector<int64_t> shares(remaining.size());
  if (remaining.empty()) {
    return shares;
  }
  const int64_t equal_share =
      std::max(kMinChunkTokens, budget / static_cast<int64_t>(remaining.size()));
  for (const int64_t limit : {equal_share, budget}) {
    for (size_t i = 0; i < remaining.size(); ++i) {
      const size_t prompt = (first + i) % remaining.size();
      const int64_t more = std::min({limit, remaining[prompt] - shares[prompt], budget});
      shares[prompt] += more;
      budget -= more;
    }
  }
  return shares;
}

}  // namespace levin::runtime
