#include "runtime/memory_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "base/error.h"
#include "kernels/kv_layout.h"
#include "runtime/page_table.h"

namespace levin::runtime {
namespace {

using base::ErrorCode;
using kernels::kPageTokens;

int64_t wanted_context(const MemoryRequest& request) {
  if (request.context_tokens < 0 || request.context_tokens > request.max_position_embeddings) {
    base::throw_error(ErrorCode::kInvalidArgument, "context",
                      "1 to {} tokens expected (the model's max_position_embeddings), got {}",
                      request.max_position_embeddings, request.context_tokens);
  }
  return request.context_tokens > 0 ? request.context_tokens : request.max_position_embeddings;
}

/// `count * size`, or the largest number where that overflows.
int64_t saturating_product(int64_t count, int64_t size) {
  int64_t product = 0;
  return __builtin_mul_overflow(count, size, &product) ? std::numeric_limits<int64_t>::max()
                                                       : product;
}

}  // namespace

MemoryPlan plan_memory(const MemoryRequest& request) {
  MemoryPlan plan{.context_tokens = wanted_context(request), .pages = 0};
  plan.pages = pages_for_tokens(plan.context_tokens);
  const int64_t context_bytes = saturating_product(plan.pages, request.page_bytes);
  if (request.cache_bytes != 0) {
    if (request.cache_bytes < context_bytes) {
      base::throw_error(
          ErrorCode::kInvalidArgument, "cache",
          "a context of {} tokens needs {}, the cache is limited to {}; allow more, "
          "or ask for a context of at most {} tokens",
          plan.context_tokens, format_bytes(context_bytes), format_bytes(request.cache_bytes),
          std::max<int64_t>(0, request.cache_bytes / request.page_bytes) * kPageTokens);
    }
    plan.pages = std::min<int64_t>(request.cache_bytes / request.page_bytes,
                                   std::numeric_limits<int32_t>::max());
  }
  const int64_t cache_bytes = saturating_product(plan.pages, request.page_bytes);
  const int64_t room = std::max<int64_t>(0, request.available_bytes - request.activation_bytes);
  if (cache_bytes > room) {
    base::throw_error(ErrorCode::kOutOfMemory, "",
                      "a context of {} tokens needs {} of cache and {} of working memory, {} are "
                      "available; a context of at most {} tokens fits",
                      plan.context_tokens, format_bytes(cache_bytes),
                      format_bytes(request.activation_bytes), format_bytes(request.available_bytes),
                      room / request.page_bytes * kPageTokens);
  }
  return plan;
}

std::string format_bytes(int64_t bytes) {
  constexpr std::array kUnits = {"KB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1000) {
    return fmt::format("{} B", bytes);
  }
  double value = static_cast<double>(bytes) / 1000.0;
  size_t unit = 0;
  while (value >= 999.95 && unit + 1 < kUnits.size()) {
    value /= 1000.0;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

}  // namespace levin::runtime
