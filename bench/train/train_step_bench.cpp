// Forward and backward pass of a small model (hidden 128, 4 layers, 8 experts: 2.8 M parameters),
// one thread: tokens per second by attention mode and length of the documents.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>

#include "train/nn/config_json.h"
#include "train/nn/forward.h"
#include "train/nn/init.h"

namespace levin::train::nn {
namespace {

constexpr int64_t kVocabSize = 4096;
constexpr int64_t kMinTokens = 2048;  // of a step

model::Config dense_config() {
  return model::parse_config(R"({
    "model_type": "deepseek_v3", "vocab_size": 4096, "hidden_size": 128, "num_hidden_layers": 4,
    "rms_norm_eps": 1e-6, "num_attention_heads": 8, "q_lora_rank": 96, "kv_lora_rank": 128,
    "qk_nope_head_dim": 32, "qk_rope_head_dim": 32, "v_head_dim": 32, "first_k_dense_replace": 1,
    "intermediate_size": 384, "moe_intermediate_size": 128, "n_routed_experts": 8,
    "n_shared_experts": 1, "num_experts_per_tok": 2, "n_group": 2, "topk_group": 2,
    "routed_scaling_factor": 1.0, "rope_theta": 10000.0, "max_position_embeddings": 16384
  })",
                             "benchmark");
}

/// Random tokens in documents of equal length.
PackedBatch make_pack(int64_t document_tokens) {
  at::manual_seed(1);
  const int64_t tokens = std::max(kMinTokens, document_tokens);
  PackedBatch pack{at::randint(kVocabSize, {tokens}, at::kLong), {}};
  for (int64_t begin = 0; begin < tokens; begin += document_tokens) {
    pack.documents.begins.push_back(begin);
  }
  pack.documents.tokens = tokens;
  return pack;
}

at::Tensor total_loss(const ModelWeights& weights, const PackedBatch& pack,
                      const ForwardOptions& options) {
  const ForwardResult result = forward(weights, pack, {}, options);
  const auto tokens = static_cast<double>(pack.documents.tokens);
  if (options.mode == AttentionMode::kWarmUp) {
    return result.indexer_kl / tokens;
  }
  const at::Tensor loss =
      at::cross_entropy_loss(logits(weights, result.hidden), pack.tokens.roll(-1));
  return result.indexer_kl.defined() ? loss + result.indexer_kl / tokens : loss;
}

void train_step(benchmark::State& state, AttentionMode mode) {
  at::set_num_threads(1);
  ModelWeights weights = init_model(dense_config(), research_init(1, 6));
  add_indexer(weights, with_indexer(weights.config, 4, 128, /*index_topk=*/128), 2);
  set_trainable(weights,
                mode == AttentionMode::kWarmUp ? Trainable::kIndexer : Trainable::kEverything);
  const PackedBatch pack = make_pack(state.range(0));
  ForwardOptions options;
  options.mode = mode;
  for (auto _ : state) {
    total_loss(weights, pack, options).backward();
  }
  state.counters["tokens_per_s"] = benchmark::Counter(
      static_cast<double>(state.iterations() * pack.documents.tokens), benchmark::Counter::kIsRate);
}

BENCHMARK_CAPTURE(train_step, dense, AttentionMode::kDense)
    ->ArgName("document_tokens")
    ->Arg(256)
    ->Arg(2048)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(train_step, warm_up, AttentionMode::kWarmUp)
    ->ArgName("document_tokens")
    ->Arg(256)
    ->Arg(2048)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(train_step, sparse_topk_128, AttentionMode::kSparse)
    ->ArgName("document_tokens")
    ->Arg(256)
    ->Arg(2048)
    ->Arg(16384)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace levin::train::nn
