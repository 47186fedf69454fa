#include "model/config.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>

#include "base/files.h"
#include "base/log.h"
#include "formats/json.h"
#include "model/config_sections.h"

namespace levin::model {
namespace {

using base::ErrorCode;

constexpr int64_t kMaxConfigBytes = int64_t{16} << 20;

// Moonlight is a deepseek_v3; Kimi-K2 keeps DeepSeek's architecture name.
constexpr std::array<ModelFamily, 6> kFamilies{{
    {"deepseek_v32", "DeepseekV32ForCausalLM", true, false, false},
    {"deepseek_v3", "DeepseekV3ForCausalLM", false, false, false},
    {"deepseek_v2", "DeepseekV2ForCausalLM", false, true, false},
    {"kimi_k2", "DeepseekV3ForCausalLM", false, false, false},
    {"glm4_moe_lite", "Glm4MoeLiteForCausalLM", false, false, true},
    {"glm_moe_dsa", "GlmMoeDsaForCausalLM", true, false, true},
}};

std::string supported_types() {
  std::vector<std::string> names;
  names.reserve(kFamilies.size());
  for (const ModelFamily& family : kFamilies) {
    names.emplace_back(family.model_type);
  }
  return fmt::format("one of {}", fmt::join(names, ", "));
}

/// The family by model_type, or by architecture where model_type is not set.
const ModelFamily& read_family(ConfigFields& fields, Config& config) {
  const std::vector<std::string> architectures = fields.strings("architectures");
  config.model_type = fields.string_or("model_type", "");
  config.architecture = architectures.empty() ? "" : architectures.front();
  const auto* const family = std::ranges::find_if(kFamilies, [&](const ModelFamily& candidate) {
    return config.model_type.empty() ? config.architecture == candidate.architecture
                                     : config.model_type == candidate.model_type;
  });
  if (family == kFamilies.end()) {
    const bool is_missing = config.model_type.empty() && architectures.empty();
    fields.fail(is_missing ? ErrorCode::kInvalidFile : ErrorCode::kUnsupported, "model_type",
                supported_types());
  }
  if (!architectures.empty() && config.architecture != family->architecture) {
    fields.invalid("architectures", "[\"{}\"], which belongs to model_type {}",
                   family->architecture, family->model_type);
  }
  config.model_type = family->model_type;
  config.architecture = family->architecture;
  return *family;
}

void read_attention(ConfigFields& fields, Config& config) {
  config.num_attention_heads = fields.integer("num_attention_heads", 1, kMaxExtent);
  config.q_lora_rank = fields.integer_or("q_lora_rank", 0, kMaxExtent, 0);
  config.kv_lora_rank = fields.integer("kv_lora_rank", 1, kMaxExtent);
  config.qk_nope_head_dim = fields.integer("qk_nope_head_dim", 1, kMaxExtent);
  config.qk_rope_head_dim = fields.integer("qk_rope_head_dim", 2, kMaxExtent);
  config.v_head_dim = fields.integer("v_head_dim", 1, kMaxExtent);
  if (config.qk_rope_head_dim % 2 != 0) {
    fields.invalid("qk_rope_head_dim", "an even number");
  }
  if (fields.integer_or("qk_head_dim", 1, kMaxWidth, config.qk_head_dim()) !=
      config.qk_head_dim()) {
    fields.invalid("qk_head_dim", "qk_nope_head_dim + qk_rope_head_dim, which is {}",
                   config.qk_head_dim());
  }
  const int64_t widest = std::max(
      {config.qk_head_dim(), config.kv_lora_rank, config.qk_nope_head_dim + config.v_head_dim});
  if (config.num_attention_heads > kMaxWidth / widest) {
    fields.invalid("num_attention_heads", "at most {} with head dimensions of {}",
                   kMaxWidth / widest, widest);
  }
  fields.require("attention_bias", false);
  fields.require("attention_dropout", 0.0);
  fields.require("rope_interleave", true);
}

void read_token_ids(ConfigFields& fields, Config& config) {
  const int64_t max_id = config.vocab_size - 1;
  config.bos_token_id = fields.integer_or("bos_token_id", 0, max_id, -1);
  config.eos_token_ids = fields.integers("eos_token_id", max_id);
}

void warn_unknown_keys(ConfigFields& fields) {
  fields.ignore({"ep_size",
                 "initializer_range",
                 "torch_dtype",
                 "dtype",
                 "use_cache",
                 "transformers_version",
                 "num_key_value_heads",
                 "pad_token_id",
                 "pretraining_tp",
                 "auto_map",
                 "aux_loss_alpha",
                 "seq_aux",
                 "head_dim",
                 "rope_interleave",
                 "partial_rotary_factor",
                 "_name_or_path",
                 "return_dict",
                 "output_attentions",
                 "output_hidden_states",
                 "router_aux_loss_coef",
                 "unsloth_fixed",
                 "is_encoder_decoder",
                 "chunk_size_feed_forward"});
  constexpr size_t kMaxListedKeys = 20;
  std::vector<std::string> listed;
  const std::vector<std::string> unknown = fields.unknown_keys();
  for (size_t i = 0; i < std::min(unknown.size(), kMaxListedKeys); ++i) {
    listed.push_back(base::shown(unknown[i]));
  }
  if (!unknown.empty()) {
    base::log_warning("{}: unknown keys ignored: {}{}", fields.where(), fmt::join(listed, ", "),
                      unknown.size() > kMaxListedKeys ? ", ..." : "");
  }
}

}  // namespace

double Config::softmax_scale() const noexcept {
  double mscale = 1.0;
  if (rope_scaling.is_yarn && rope_scaling.factor > 1.0) {
    mscale = 0.1 * rope_scaling.mscale_all_dim * std::log(rope_scaling.factor) + 1.0;
  }
  return mscale * mscale / std::sqrt(static_cast<double>(qk_head_dim()));
}

Config parse_config(const std::string& json_text, const std::string& where) {
  const nlohmann::json document = formats::parse_json(json_text, where);
  if (!document.is_object()) {
    throw base::Error(ErrorCode::kInvalidFile, "a JSON object is expected", where);
  }
  ConfigFields fields(document, where);
  Config config;
  const ModelFamily& family = read_family(fields, config);
  config.is_experimental = family.is_glm && family.is_sparse;
  config.vocab_size = fields.integer("vocab_size", 1, kMaxExtent);
  config.hidden_size = fields.integer("hidden_size", 1, kMaxExtent);
  config.num_hidden_layers = fields.integer("num_hidden_layers", 1, kMaxLayers);
  config.num_nextn_predict_layers = fields.integer_or("num_nextn_predict_layers", 0, kMaxLayers, 0);
  config.rms_norm_eps = fields.number("rms_norm_eps", 0.0, 1.0);
  config.max_position_embeddings = fields.integer("max_position_embeddings", 1, kMaxPositions);
  config.tie_word_embeddings = fields.boolean_or("tie_word_embeddings", false);
  read_attention(fields, config);
  read_rope(fields, config);
  read_mlp(fields, family, config);
  read_indexer(fields, family, config);
  read_quantization(fields, config);
  read_token_ids(fields, config);
  warn_unknown_keys(fields);
  if (config.is_experimental) {
    base::log_warning("{}: {} is experimental: no reference output exists to compare with", where,
                      config.model_type);
  }
  return config;
}

Config load_config(const std::string& model_dir) {
  const std::string path = (std::filesystem::path(model_dir) / "config.json").string();
  return parse_config(base::read_regular_file(path, kMaxConfigBytes), path);
}

}  // namespace levin::model
