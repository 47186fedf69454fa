#include "tiny_model.h"

#include <ATen/ATen.h>

#include "base/random.h"
#include "train/nn/config_json.h"
#include "train/nn/init.h"

namespace levin::train::nn::testing {

model::Config tiny_dense_config() {
  return model::parse_config(R"({
    "model_type": "deepseek_v3", "architectures": ["DeepseekV3ForCausalLM"],
    "vocab_size": 50, "hidden_size": 32, "num_hidden_layers": 3, "rms_norm_eps": 1e-6,
    "num_attention_heads": 4, "q_lora_rank": 24, "kv_lora_rank": 16, "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 8, "v_head_dim": 8, "first_k_dense_replace": 1, "intermediate_size": 48,
    "moe_intermediate_size": 16, "n_routed_experts": 8, "n_shared_experts": 1,
    "num_experts_per_tok": 2, "n_group": 2, "topk_group": 1, "topk_method": "noaux_tc",
    "scoring_func": "sigmoid", "norm_topk_prob": true, "routed_scaling_factor": 1.5,
    "rope_theta": 10000.0, "max_position_embeddings": 256, "bos_token_id": 0, "eos_token_id": 1,
    "rope_scaling": {"type": "yarn", "factor": 4, "original_max_position_embeddings": 32,
                     "mscale": 1.0, "mscale_all_dim": 1.0}
  })",
                             "tiny config");
}

model::Config tiny_sparse_config(int64_t topk) {
  return with_indexer(tiny_dense_config(), /*index_n_heads=*/2, /*index_head_dim=*/128, topk);
}

ModelWeights random_model(const model::Config& config, at::ScalarType dtype) {
  InitOptions options;
  options.seed = 7;
  ModelWeights weights = init_model(config, options);
  visit_tensors(weights, [&](const TensorSpec& spec, at::Tensor& tensor) {
    tensor = tensor.to(dtype);
    if (spec.role == TensorRole::kNorm || spec.role == TensorRole::kIndexerNorm ||
        spec.role == TensorRole::kRouterBias) {
      tensor.add_(at::linspace(-0.1, 0.1, tensor.numel()).to(dtype));
    }
  });
  return weights;
}

PackedBatch random_pack(const model::Config& config, const std::vector<int64_t>& lengths,
                        uint64_t seed) {
  PackedBatch pack;
  for (const int64_t length : lengths) {
    pack.documents.begins.push_back(pack.documents.tokens);
    pack.documents.tokens += length;
  }
  std::vector<int64_t> tokens;
  for (int64_t place = 0; place < pack.documents.tokens; ++place) {
    tokens.push_back(static_cast<int64_t>(base::random_bits(seed, static_cast<uint64_t>(place)) %
                                          static_cast<uint64_t>(config.vocab_size)));
  }
  pack.tokens = at::tensor(tokens);
  return pack;
}

PackedBatch document_of(const PackedBatch& pack, int64_t document_idx) {
  const int64_t begin = pack.documents.begin(document_idx);
  const int64_t tokens = pack.documents.end(document_idx) - begin;
  return {pack.tokens.narrow(0, begin, tokens).clone(), Documents{{0}, tokens}};
}

at::Tensor next_token_loss(const ModelWeights& weights, const PackedBatch& pack,
                           const ForwardResult& result) {
  std::vector<at::Tensor> targets;
  for (int64_t document_idx = 0; document_idx < pack.documents.count(); ++document_idx) {
    targets.push_back(document_of(pack, document_idx).tokens.roll(-1));
  }
  return at::cross_entropy_loss(logits(weights, result.hidden), at::cat(targets), {},
                                at::Reduction::Sum);
}

}  // namespace levin::train::nn::testing
