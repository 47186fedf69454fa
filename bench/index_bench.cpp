// The lightning indexer: scores of a page, the top-k stream alone, and the whole selection.
//
// Shares are of the rate of the bf16 dot product instruction on the threads used, measured at the
// start (kernels/ceilings.h).
//   index_bench --benchmark_filter=avx512 --benchmark_repetitions=5
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "base/integers.h"
#include "base/random.h"
#include "kernel_bench.h"
#include "kernels/index_select.h"
#include "kernels/top_k.h"
#include "tensor/buffer.h"

namespace levin::kernels {
namespace {

constexpr int64_t kDim = 128;

/// A cache with the random index keys of `tokens` tokens.
struct KeyCache {
  KeyCache(Context& ctx, int64_t tokens)
      : layout{.num_layers = 1, .kv_row_dim = 576, .index_head_dim = kDim},
        memory(base::ceil_div(tokens, kPageTokens) * layout.page_bytes()) {
    for (int64_t at = 0; at < memory.size_bytes(); at += layout.page_bytes()) {
      pages.push_back(memory.data() + at);
    }
    tensor::Tensor<float, 2> keys({tokens, kDim});
    for (int64_t i = 0; i < tokens * kDim; ++i) {
      keys.data()[i] = static_cast<float>(base::random_uniform(3, static_cast<uint64_t>(i)) - 0.5);
    }
    store_index_keys(ctx, keys.view(), {}, view(), 0);
  }
  [[nodiscard]] KvLayerView view() const { return {.pages = pages.data(), .layout = &layout}; }

  KvLayout layout;
  tensor::Buffer memory;
  std::vector<std::byte*> pages;
};

IndexQueries make_queries(Context& ctx, int64_t tokens, int64_t heads) {
  tensor::Tensor<float, 3> q({tokens, heads, kDim});
  tensor::Tensor<float, 2> weights({tokens, heads});
  for (int64_t i = 0; i < tokens * heads * kDim; ++i) {
    q.data()[i] = static_cast<float>(base::random_uniform(4, static_cast<uint64_t>(i)) - 0.5);
  }
  for (int64_t i = 0; i < tokens * heads; ++i) {
    weights.data()[i] = static_cast<float>(base::random_uniform(5, static_cast<uint64_t>(i)) - 0.3);
  }
  IndexQueries queries;
  encode_index_queries(ctx, q.view(), weights.view(), {}, queries);
  return queries;
}

/// The kernel alone, over 64 pages.
void run_pages(benchmark::State& state, int64_t tokens, int64_t heads, const Bench& bench) {
  constexpr int64_t kPages = 64;
  const KeyCache cache(bench.ctx, kPages * kPageTokens);
  const IndexQueries queries = make_queries(bench.ctx, tokens, heads);
  std::vector<float> scores(static_cast<size_t>(tokens * kPageTokens));
  for (auto _ : state) {
    for (int64_t page_idx = 0; page_idx < kPages; ++page_idx) {
      bench.ctx.table().index_scores_page(queries.q.data(), queries.weights.data(), tokens, heads,
                                          kDim, cache.view().index_keys(page_idx),
                                          IndexKeyFormat::kE4m3, cache.view().key_scales(page_idx),
                                          scores.data(), kPageTokens, bench.ctx.scratch(0));
    }
  }
  report(state, 2.0 * static_cast<double>(tokens * heads * kDim * kPages * kPageTokens), bench);
}

/// select_top_k of a chunk of `tokens` queries that ends at position `kv_tokens`.
void run_select(benchmark::State& state, int64_t tokens, int64_t heads, int64_t kv_tokens,
                const Bench& bench) {
  constexpr int64_t kTopk = 2048;
  const KeyCache cache(bench.ctx, kv_tokens);
  const IndexQueries queries = make_queries(bench.ctx, tokens, heads);
  const IndexChunk chunks[] = {
      {.first_row = 0, .tokens = tokens, .first_pos = kv_tokens - tokens, .kv = cache.view()}};
  tensor::Tensor<int32_t, 2> selected({tokens, kTopk});
  std::vector<int32_t> counts(static_cast<size_t>(tokens));
  for (auto _ : state) {
    select_top_k(bench.ctx, queries, chunks, IndexKeyFormat::kE4m3, kTopk, selected.view(), counts);
  }
  report(state, 2.0 * static_cast<double>(tokens * heads * kDim * kv_tokens), bench);
}

/// The top-k alone: 131,072 scores in random or in increasing order.
void run_top_k(benchmark::State& state, bool is_increasing, const Bench& bench) {
  constexpr int64_t kScores = 131072;
  constexpr int64_t kTopk = 2048;
  std::vector<float> scores;
  for (int64_t i = 0; i < kScores; ++i) {
    scores.push_back(is_increasing
                         ? static_cast<float>(i)
                         : static_cast<float>(base::random_normal(6, static_cast<uint64_t>(i))));
  }
  std::vector<float> kept_scores(static_cast<size_t>(TopKStream::capacity(kTopk)));
  std::vector<int32_t> kept_positions(kept_scores.size());
  std::vector<int32_t> orders(kept_scores.size());
  std::vector<int32_t> selected(kTopk);
  for (auto _ : state) {
    TopKStream stream(bench.ctx.table(), kTopk,
                      {kept_scores.data(), kept_positions.data(), orders.data()});
    for (int64_t pos = 0; pos < kScores; pos += TopKStream::kPushScores) {
      stream.push(scores.data() + pos, TopKStream::kPushScores, pos);
    }
    stream.finish(selected.data());
  }
}

void add_cases(const Bench& bench) {
  const std::string suffix =
      fmt::format("/{}/threads:{}", bench.ctx.table().name, bench.ctx.pool().thread_count());
  for (const int64_t heads : {64, 8, 4}) {
    for (const int64_t tokens : {16, 1}) {
      add_case(fmt::format("index_scores_page{}/heads:{}/tokens:{}", suffix, heads, tokens), bench,
               [=](auto& state, const Bench& b) { run_pages(state, tokens, heads, b); });
    }
    for (const int64_t tokens : {1, 128}) {
      add_case(fmt::format("select_top_k{}/heads:{}/tokens:{}/kv_tokens:65536/index_topk:2048",
                           suffix, heads, tokens),
               bench,
               [=](auto& state, const Bench& b) { run_select(state, tokens, heads, 65536, b); });
    }
  }
  for (const bool is_increasing : {false, true}) {
    add_case(fmt::format("top_k_stream{}/scores:131072/index_topk:2048/{}", suffix,
                         is_increasing ? "increasing" : "random"),
             bench, [=](auto& state, const Bench& b) { run_top_k(state, is_increasing, b); });
  }
}

}  // namespace
}  // namespace levin::kernels

int main(int argc, char** argv) {
  return levin::kernels::run_kernel_bench(argc, argv, levin::kernels::add_cases);
}
