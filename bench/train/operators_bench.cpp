// The operators of a layer's attention, forward and backward, at the shape of models/mini (8 heads
// of 64, values of 32, 4 index heads of 128, top 256) and one thread: tokens per second by length
// of the document.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>

#include <cstdint>

#include "train/nn/dense_attention.h"
#include "train/nn/indexer_kl.h"
#include "train/nn/select_top_k.h"
#include "train/nn/sparse_attention.h"

namespace levin::train::nn {
namespace {

constexpr int64_t kHeads = 8;
constexpr int64_t kQkHeadDim = 64;
constexpr int64_t kVHeadDim = 32;
constexpr int64_t kIndexHeads = 4;
constexpr int64_t kIndexHeadDim = 128;
constexpr int64_t kTopk = 256;
constexpr double kSoftmaxScale = 0.125;

/// One document of random numbers.
struct Problem {
  explicit Problem(int64_t tokens) : documents{{0}, tokens} {
    at::set_num_threads(1);
    at::manual_seed(1);
    q = at::randn({tokens, kHeads, kQkHeadDim});
    k = at::randn({tokens, kHeads, kQkHeadDim});
    v = at::randn({tokens, kHeads, kVHeadDim});
    index_q = at::randn({tokens, kIndexHeads, kIndexHeadDim});
    index_k = at::randn({tokens, kIndexHeadDim});
    index_weights = at::rand({tokens, kIndexHeads});
    for (at::Tensor* input : {&q, &k, &v, &index_q, &index_k, &index_weights}) {
      input->requires_grad_(true);
    }
  }

  [[nodiscard]] Selection select() const {
    return select_top_k(index_q, index_k, index_weights, documents, kTopk);
  }

  Documents documents;
  at::Tensor q, k, v;
  at::Tensor index_q, index_k, index_weights;
};

void count_tokens(benchmark::State& state) {
  state.counters["tokens_per_s"] = benchmark::Counter(
      static_cast<double>(state.iterations() * state.range(0)), benchmark::Counter::kIsRate);
}

void dense(benchmark::State& state) {
  const Problem p(state.range(0));
  for (auto _ : state) {
    dense_attention(p.q, p.k, p.v, p.documents, kSoftmaxScale).sum().backward();
  }
  count_tokens(state);
}

void select(benchmark::State& state) {
  const Problem p(state.range(0));
  for (auto _ : state) {
    benchmark::DoNotOptimize(p.select());
  }
  count_tokens(state);
}

void sparse(benchmark::State& state) {
  const Problem p(state.range(0));
  const Selection selection = p.select();
  for (auto _ : state) {
    sparse_attention(p.q, p.k, p.v, selection, p.documents, kSoftmaxScale).sum().backward();
  }
  count_tokens(state);
}

void kl_over_all(benchmark::State& state) {
  const Problem p(state.range(0));
  for (auto _ : state) {
    indexer_kl(p.index_q, p.index_k, p.index_weights, p.q, p.k, p.documents, kSoftmaxScale, nullptr)
        .backward();
  }
  count_tokens(state);
}

void kl_over_selection(benchmark::State& state) {
  const Problem p(state.range(0));
  const Selection selection = p.select();
  for (auto _ : state) {
    indexer_kl(p.index_q, p.index_k, p.index_weights, p.q, p.k, p.documents, kSoftmaxScale,
               &selection)
        .backward();
  }
  count_tokens(state);
}

void lengths(benchmark::internal::Benchmark* bench) {
  bench->ArgName("document_tokens")->Arg(1024)->Arg(4096)->Arg(16384);
  bench->Unit(benchmark::kMillisecond);
}

BENCHMARK(dense)->Apply(lengths);
BENCHMARK(select)->Apply(lengths);
BENCHMARK(sparse)->Apply(lengths);
BENCHMARK(kl_over_all)->Apply(lengths);
BENCHMARK(kl_over_selection)->Apply(lengths);

}  // namespace
}  // namespace levin::train::nn
