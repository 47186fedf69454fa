// Attention of the 685B shape, of a 16-head model, and expanded (MHA) attention.
//
// Shares are of the rate of the bf16 dot product instruction on the threads used, measured at the
// start (kernels/ceilings.h). Rows of the sparse cases lie scattered over the cache.
//   attention_bench --benchmark_filter=avx512 --benchmark_repetitions=5
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "base/integers.h"
#include "base/random.h"
#include "kernel_bench.h"
#include "kernels/attention.h"
#include "tensor/buffer.h"

namespace levin::kernels {
namespace {

/// bf16 numbers of about +-1, [rows, dim].
tensor::Tensor<Bf16, 2> random_bf16(int64_t rows, int64_t dim) {
  tensor::Tensor<Bf16, 2> numbers({rows, dim});
  for (int64_t i = 0; i < rows * dim; ++i) {
    const double number = 2.0 * base::random_uniform(1, static_cast<uint64_t>(i)) - 1.0;
    numbers.data()[i] = base::to_bf16(static_cast<float>(number));
  }
  return numbers;
}

tensor::Tensor<float, 3> random_queries(int64_t tokens, int64_t heads, int64_t dim) {
  tensor::Tensor<float, 3> numbers({tokens, heads, dim});
  for (int64_t i = 0; i < tokens * heads * dim; ++i) {
    numbers.data()[i] = static_cast<float>(base::random_uniform(2, static_cast<uint64_t>(i)) - 0.5);
  }
  return numbers;
}

/// The kernel alone: `queries` rows meet 16 tiles of 128 keys.
void run_tiles(benchmark::State& state, int64_t queries, int64_t qk_dim, int64_t v_dim,
               const Bench& bench) {
  constexpr int64_t kKeys = 16 * kAttentionTileKeys;
  const bool is_absorbed = v_dim > 128;
  const auto keys = random_bf16(kKeys, qk_dim);
  const auto values = random_bf16(kKeys, v_dim);
  const auto q = random_queries(1, queries, qk_dim);
  tensor::Tensor<Bf16, 2> packed({(queries + 15) / 16 * 16, (qk_dim + 1) / 2 * 2});
  bench.ctx.table().pack_queries(q.data(), qk_dim, queries, qk_dim, packed.data());
  std::vector<const Bf16*> key_rows;
  std::vector<const Bf16*> value_rows;
  for (int64_t key = 0; key < kKeys; ++key) {
    const int64_t row = key * 37 % kKeys;
    key_rows.push_back(keys.view().row(row));
    value_rows.push_back(is_absorbed ? key_rows.back() : values.view().row(row));
  }
  std::vector<float> row_max(static_cast<size_t>(queries), -std::numeric_limits<float>::infinity());
  std::vector<float> row_sum(static_cast<size_t>(queries), 0.0F);
  tensor::Tensor<float, 2> out({queries, v_dim});
  AttentionTile tile{.q = packed.data(),
                     .queries = queries,
                     .qk_dim = qk_dim,
                     .v_dim = v_dim,
                     .keys = kAttentionTileKeys,
                     .scale = 0.1F,
                     .row_max = row_max.data(),
                     .row_sum = row_sum.data(),
                     .out = out.data()};
  for (auto _ : state) {
    for (int64_t key = 0; key < kKeys; key += kAttentionTileKeys) {
      tile.key_rows = key_rows.data() + key;
      tile.value_rows = value_rows.data() + key;
      bench.ctx.table().attention_tile(tile, bench.ctx.scratch(0));
    }
  }
  report(state, 2.0 * static_cast<double>(queries * kKeys * (qk_dim + v_dim)), bench);
}

/// A cache of random latent rows that all pages of all sequences share in turn.
struct LatentCache {
  explicit LatentCache(int64_t tokens)
      : layout{.num_layers = 1, .kv_row_dim = 576},
        memory(base::ceil_div(tokens, kPageTokens) * layout.page_bytes()) {
    const auto rows = random_bf16(kPageTokens, 576);
    for (int64_t at = 0; at < memory.size_bytes(); at += layout.page_bytes()) {
      pages.push_back(memory.data() + at);
      std::copy_n(reinterpret_cast<const std::byte*>(rows.data()), layout.page_bytes(),
                  pages.back());
    }
  }
  [[nodiscard]] KvLayerView view() const { return {.pages = pages.data(), .layout = &layout}; }

  KvLayout layout;
  tensor::Buffer memory;
  std::vector<std::byte*> pages;
};

MlaDims make_dims(int64_t heads) {
  return {.num_attention_heads = heads,
          .kv_lora_rank = 512,
          .qk_nope_head_dim = 128,
          .qk_rope_head_dim = 64,
          .v_head_dim = 128,
          .softmax_scale = 0.1F};
}

/// absorbed_attention of `tokens` queries over a cache of `kv_tokens`; `rows` scattered ones each,
/// or all if 0.
void run_absorbed(benchmark::State& state, int64_t heads, int64_t tokens, int64_t kv_tokens,
                  int64_t rows, const Bench& bench) {
  const LatentCache cache(kv_tokens);
  const auto q = random_queries(tokens, heads, 576);
  tensor::Tensor<float, 3> out({tokens, heads, 512});
  std::vector<std::vector<int32_t>> positions(static_cast<size_t>(tokens));
  std::vector<AbsorbedQuery> queries;
  for (int64_t token = 0; token < tokens; ++token) {
    for (int64_t i = 0; i < rows; ++i) {
      positions[token].push_back(static_cast<int32_t>(i * (kv_tokens / rows) + token));
    }
    queries.push_back({cache.view(), positions[token], kv_tokens});
  }
  int64_t read = 0;
  for (auto _ : state) {
    read = absorbed_attention(bench.ctx, q.view(), queries, make_dims(heads), out.view());
  }
  report(state, 2.0 * static_cast<double>(read * heads * (576 + 512)), bench);
}

/// expanded_attention of a chunk behind `depth` cached tokens, expansion of K and V included.
void run_expanded(benchmark::State& state, int64_t heads, int64_t tokens, int64_t depth,
                  const Bench& bench) {
  const LatentCache cache(depth + tokens);
  const auto q = random_queries(tokens, heads, 192);
  const auto weights = random_bf16(heads * 256, 512);
  const WeightMatrix kv_b_proj{.format = tensor::WeightFormat::kBf16,
                               .rows = heads * 256,
                               .cols = 512,
                               .data = reinterpret_cast<const std::byte*>(weights.data())};
  tensor::Tensor<float, 3> out({tokens, heads, 128});
  for (auto _ : state) {
    const ExpandedChunk chunk{.kv = cache.view(), .first_pos = depth, .tokens = tokens};
    expanded_attention(bench.ctx, q.view(), {&chunk, 1}, kv_b_proj, make_dims(heads), out.view());
  }
  const auto pairs = static_cast<double>(tokens * depth + tokens * (tokens + 1) / 2);
  const double expansion = static_cast<double>((depth + tokens) * 512 * 256);
  report(state, 2.0 * static_cast<double>(heads) * (pairs * (192 + 128) + expansion), bench);
}

void add_cases(const Bench& bench) {
  const std::string suffix =
      fmt::format("/{}/threads:{}", bench.ctx.table().name, bench.ctx.pool().thread_count());
  for (const int64_t queries : {128, 64, 16}) {
    add_case(fmt::format("attention_tile{}/absorbed/queries:{}", suffix, queries), bench,
             [=](auto& state, const Bench& b) { run_tiles(state, queries, 576, 512, b); });
  }
  add_case(fmt::format("attention_tile{}/expanded/queries:128", suffix), bench,
           [](auto& state, const Bench& b) { run_tiles(state, 128, 192, 128, b); });
  for (const int64_t heads : {128, 16}) {
    for (const int64_t tokens : {1, 16}) {
      const std::string shape = fmt::format("{}/heads:{}/tokens:{}", suffix, heads, tokens);
      add_case(fmt::format("absorbed{}/kv_tokens:131072/rows:2048", shape), bench,
               [=](auto& state, const Bench& b) {
                 run_absorbed(state, heads, tokens, 131072, 2048, b);
               });
    }
    add_case(fmt::format("absorbed{}/heads:{}/tokens:1/kv_tokens:32768/rows:all", suffix, heads),
             bench,
             [=](auto& state, const Bench& b) { run_absorbed(state, heads, 1, 32768, 0, b); });
  }
  add_case(fmt::format("expanded{}/heads:4/tokens:2048/depth:0", suffix), bench,
           [](auto& state, const Bench& b) { run_expanded(state, 4, 2048, 0, b); });
  add_case(fmt::format("expanded{}/heads:4/tokens:512/depth:4096", suffix), bench,
           [](auto& state, const Bench& b) { run_expanded(state, 4, 512, 4096, b); });
}

}  // namespace
}  // namespace levin::kernels

int main(int argc, char** argv) {
  return levin::kernels::run_kernel_bench(argc, argv, levin::kernels::add_cases);
}
