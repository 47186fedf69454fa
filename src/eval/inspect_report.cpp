#include "eval/inspect_report.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "base/integers.h"
#include "base/memory_info.h"
#include "base/usable_cores.h"
#include "formats/mtp_layers.h"
#include "kernels/kv_layout.h"
#include "model/activation_memory.h"
#include "model/config_limits.h"
#include "model/forward.h"
#include "model/weights.h"
#include "runtime/engine_plan.h"

namespace levin::eval {
namespace {

constexpr std::string_view kEmbedding = "embedding";
constexpr std::string_view kRoutedExperts = "routed experts";
constexpr std::string_view kMtp = "MTP layers (not used)";
constexpr std::string_view kHead = "head";

// Kept beside the cache: of each page its name and token ids for sharing (runtime/prefix_cache.h)
// with its places in the tables, about so much; the ids of a prompt with the caller, in the request
// and in the sequence.
constexpr int64_t kPageRecordBytes = 512;
constexpr int64_t kTokenRecordBytes = 3 * sizeof(int32_t);

struct NamePart {
  std::string_view part;
  std::string_view component;
};

// The first part found in the name decides.
constexpr std::array<NamePart, 7> kLayerParts{{
    {".self_attn.indexer.", "indexer"},
    {"layernorm.", "norms"},
    {".self_attn.", "attention"},
    {".mlp.experts.", kRoutedExperts},
    {".mlp.shared_experts.", "shared experts"},
    {".mlp.gate.", "router"},
    {".mlp.", "dense MLP"},
}};

constexpr std::array<std::string_view, 10> kOrder{
    kEmbedding, "norms",          "attention",    "indexer", "dense MLP",
    "router",   "shared experts", kRoutedExperts, kHead,     kMtp};

int64_t active_part(const model::Config& config, std::string_view component, int64_t parameters) {
  if (component == kMtp) {
    return 0;
  }
  if (component == kEmbedding) {
    return config.tie_word_embeddings ? parameters : 0;
  }
  if (component == kRoutedExperts) {
    return config.n_routed_experts == 0
               ? 0
               : parameters / config.n_routed_experts * config.num_experts_per_tok;
  }
  return parameters;
}

std::vector<ComponentSize> measure_components(const std::string& model_dir,
                                              const model::Config& config) {
  std::vector<ComponentSize> components;
  components.reserve(std::size(kOrder));
  for (const std::string_view name : kOrder) {
    components.push_back({std::string(name)});
  }
  const formats::CheckpointFiles files(model_dir);
  for (const auto& [name, entry] : files.tensors()) {
    const std::string_view component = component_of(name, config, files.tensors());
    const auto found = std::ranges::find(components, component, &ComponentSize::name);
    if (found == components.end()) {
      continue;
    }
    found->bytes += static_cast<int64_t>(entry.tensor->bytes.size());
    if (!name.ends_with("weight_scale_inv")) {
      found->parameters += entry.tensor->element_count();
    }
  }
  for (ComponentSize& component : components) {
    component.active_parameters = active_part(config, component.name, component.parameters);
  }
  std::erase_if(components, [](const ComponentSize& component) { return component.bytes == 0; });
  return components;
}

MemoryFit::Verdict judge(const InspectReport& report, const MemoryFit& fit,
                         const model::Config& config) {
  if (fit.context_tokens > config.max_position_embeddings) {
    return MemoryFit::Verdict::kBeyondContext;
  }
  if (report.available_memory_bytes == 0) {
    return MemoryFit::Verdict::kUnknown;
  }
  if (fit.anonymous_bytes > report.available_memory_bytes) {
    return MemoryFit::Verdict::kTooLarge;
  }
  const bool holds_weights =
      fit.anonymous_bytes + report.mapped_bytes <= report.available_memory_bytes;
  return holds_weights ? MemoryFit::Verdict::kFits : MemoryFit::Verdict::kFitsPaging;
}

/// What an engine would be made with.
struct Setting {
  const model::Config& config;
  const runtime::EngineOptions& options;
  kernels::KvLayout layout;
  int threads;
};

MemoryFit reckon_fit(const InspectReport& report, const Setting& setting, int64_t context_tokens,
                     int64_t program_bytes) {
  const int64_t pages = base::ceil_div(context_tokens, kernels::kPageTokens);
  MemoryFit fit;
  fit.context_tokens = context_tokens;
  fit.cache_bytes = pages * setting.layout.page_bytes();
  fit.activation_bytes = model::activation_bytes(
      setting.config,
      runtime::largest_step(setting.config, setting.options, setting.threads, context_tokens));
  fit.anonymous_bytes = fit.cache_bytes + fit.activation_bytes + pages * kPageRecordBytes +
                        context_tokens * kTokenRecordBytes + report.copied_bytes + program_bytes;
  fit.verdict = judge(report, fit, setting.config);
  return fit;
}

}  // namespace

std::string_view component_of(std::string_view tensor_name, const model::Config& config,
                              const formats::CheckpointMap& tensors) {
  if (tensor_name == "model.embed_tokens.weight") {
    return kEmbedding;
  }
  if (tensor_name == "lm_head.weight") {
    return kHead;
  }
  if (tensor_name == "model.norm.weight") {
    return "norms";
  }
  const int64_t layer_idx = formats::layer_of(tensor_name);
  if (formats::is_mtp_layer(layer_idx, {config.num_hidden_layers, config.num_nextn_predict_layers},
                            tensors)) {
    return kMtp;
  }
  if (layer_idx < 0 || layer_idx >= config.num_hidden_layers) {
    return {};
  }
  for (const NamePart& candidate : kLayerParts) {
    if (tensor_name.find(candidate.part) != std::string_view::npos) {
      return candidate.component;
    }
  }
  return {};
}

InspectReport inspect_checkpoint(const std::string& model_dir, const model::Config& config,
                                 const runtime::EngineOptions& options,
                                 const std::vector<int64_t>& contexts) {
  model::check_limits(config, options.forward, model_dir + "/config.json");
  const Setting setting{config, options, model::kv_layout(config, options.forward),
                        options.threads > 0 ? options.threads : base::usable_cores()};
  const auto weights = model::Weights::open(model_dir, config, runtime::load_options(options));
  InspectReport report;
  report.components = measure_components(model_dir, config);
  for (const ComponentSize& component : report.components) {
    if (component.name == kMtp) {
      report.mtp_parameters = component.parameters;
    } else {
      report.parameters += component.parameters;
      report.active_parameters += component.active_parameters;
    }
  }
  report.reads_selection = model::reads_selection(config, options.forward);
  report.cache_bytes_per_token = setting.layout.page_bytes() / kernels::kPageTokens;
  report.mapped_bytes = weights->mapped_bytes;
  report.copied_bytes = weights->copied_bytes;
  report.total_memory_bytes = base::total_memory_bytes();
  report.available_memory_bytes = base::available_memory_bytes();
  // With what is known of every tensor, as in an engine, and without the copies of matrices (the
  // vectors' are there and count twice, which is nothing beside them).
  const int64_t program_bytes = base::process_memory().anonymous_bytes;
  for (const int64_t context_tokens : contexts) {
    report.fits.push_back(reckon_fit(report, setting, context_tokens, program_bytes));
  }
  return report;
}

std::string_view verdict_name(MemoryFit::Verdict verdict) {
  switch (verdict) {
    case MemoryFit::Verdict::kFits:
      return "fits";
    case MemoryFit::Verdict::kFitsPaging:
      return "fits; weights page in from disk";
    case MemoryFit::Verdict::kTooLarge:
      return "does not fit";
    case MemoryFit::Verdict::kBeyondContext:
      return "beyond the model's context";
    case MemoryFit::Verdict::kUnknown:
      return "available memory unknown";
  }
  return "";
}

}  // namespace levin::eval
