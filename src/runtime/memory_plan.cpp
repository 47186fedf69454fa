#include "runtime/memory_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "base/units.h"
#include "kernels/kv_layout.h"
#include "runtime/page_table.h"

namespace levin::runtime {
namespace {

using base::ErrorCode;
using kernels::kPageTokens;

/// Pools of several contexts take at most one part in so many of the available memory.
constexpr int64_t kShareForContexts = 4;

/// `count * size`, or the largest number where that overflows.
int64_t saturating_product(int64_t count, int64_t size) {
  int64_t product = 0;
  return __builtin_mul_overflow(count, size, &product) ? std::numeric_limits<int64_t>::max()
                                                       : product;
}

/// Pages of the longest context that fits beside its working memory.
int64_t fitting_pages(const MemoryRequest& request) {
  int64_t fits = 0;
  int64_t does_not_fit = pages_for_tokens(request.context_tokens);
  while (does_not_fit - fits > 1) {
    const int64_t pages = fits + (does_not_fit - fits) / 2;
    const int64_t room = request.available_bytes - request.activation_bytes(pages * kPageTokens);
    (saturating_product(pages, request.page_bytes) <= room ? fits : does_not_fit) = pages;
  }
  return fits;
}

[[noreturn]] void refuse(const MemoryRequest& request, int64_t cache_bytes,
                         int64_t activation_bytes) {
  if (request.cache_bytes != 0) {
    base::throw_error(
        ErrorCode::kOutOfMemory, "cache",
        "{} were asked for, a step needs {} of working memory, {} are available; "
        "ask for a cache of at most {}",
        base::format_bytes(request.cache_bytes), base::format_bytes(activation_bytes),
        base::format_bytes(request.available_bytes),
        base::format_bytes(std::max<int64_t>(0, request.available_bytes - activation_bytes)));
  }
  const int64_t fitting_tokens = fitting_pages(request) * kPageTokens;
  base::throw_error(
      ErrorCode::kOutOfMemory, "",
      "a context of {} tokens needs {} of cache and {} of working memory, {} are available; {}",
      request.context_tokens, base::format_bytes(cache_bytes), base::format_bytes(activation_bytes),
      base::format_bytes(request.available_bytes),
      fitting_tokens == 0 ? "no shorter one fits either, use a smaller model"
                          : fmt::format("a context of at most {} tokens fits", fitting_tokens));
}

}  // namespace

int64_t wanted_context(int64_t asked_tokens, int64_t max_position_embeddings) {
  if (asked_tokens < 0 || asked_tokens > max_position_embeddings) {
    base::throw_error(ErrorCode::kInvalidArgument, "context",
                      "1 to {} tokens expected (the model's max_position_embeddings), got {}",
                      max_position_embeddings, asked_tokens);
  }
  return asked_tokens > 0 ? asked_tokens : max_position_embeddings;
}

MemoryPlan plan_memory(const MemoryRequest& request) {
  MemoryPlan plan{.context_tokens = request.context_tokens,
                  .pages = pages_for_tokens(request.context_tokens)};
  const int64_t context_bytes = saturating_product(plan.pages, request.page_bytes);
  if (request.cache_bytes != 0) {
    if (request.cache_bytes < context_bytes) {
      base::throw_error(
          ErrorCode::kInvalidArgument, "cache",
          "a context of {} tokens needs {}, the cache is limited to {}; allow more, "
          "or ask for a context of at most {} tokens",
          plan.context_tokens, base::format_bytes(context_bytes),
          base::format_bytes(request.cache_bytes),
          std::max<int64_t>(0, request.cache_bytes / request.page_bytes) * kPageTokens);
    }
    plan.pages = std::min<int64_t>(request.cache_bytes / request.page_bytes,
                                   std::numeric_limits<int32_t>::max());
  } else if (context_bytes > 0) {
    const int64_t fitting = request.available_bytes / kShareForContexts / context_bytes;
    const int64_t contexts = std::max<int64_t>(1, std::min(fitting, request.most_contexts));
    plan.pages = std::min<int64_t>(plan.pages * contexts, std::numeric_limits<int32_t>::max());
  }
  const int64_t cache_bytes = saturating_product(plan.pages, request.page_bytes);
  const int64_t activation_bytes = request.activation_bytes(plan.context_tokens);
  if (request.available_bytes > 0 && cache_bytes > request.available_bytes - activation_bytes) {
    refuse(request, cache_bytes, activation_bytes);
  }
  return plan;
}

}  // namespace levin::runtime
