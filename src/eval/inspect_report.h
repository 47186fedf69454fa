// What a checkpoint is made of and what it costs to run here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "formats/checkpoint_files.h"
#include "model/config.h"
#include "runtime/engine.h"

namespace levin::eval {

/// One part of the model, summed over layers.
struct ComponentSize {
  std::string name;               ///< "attention", "routed experts", ...
  int64_t parameters = 0;         ///< scales not counted
  int64_t active_parameters = 0;  ///< read for one token
  int64_t bytes = 0;              ///< in the files, scales included
};

/// Memory that a context needs, and whether this machine has it.
struct MemoryFit {
  enum class Verdict {
    kFits,           ///< with all weights in memory
    kFitsPaging,     ///< anonymous memory fits; weights are read from disk again and again
    kTooLarge,       ///< anonymous memory does not fit
    kBeyondContext,  ///< longer than the model's context
    kUnknown,        ///< the system does not say how much memory it has
  };

  int64_t context_tokens = 0;
  int64_t cache_bytes = 0;
  int64_t activation_bytes = 0;
  int64_t anonymous_bytes = 0;  ///< cache with its records, activations, copies, the program itself
  Verdict verdict = Verdict::kFits;
};

struct InspectReport {
  std::vector<ComponentSize> components;  ///< in order of the forward pass; empty ones left out
  int64_t parameters = 0;                 ///< main model, without MTP layers
  int64_t active_parameters = 0;          ///< per token, without the embedding table
  int64_t mtp_parameters = 0;             ///< in the files, not used
  bool reads_selection = false;           ///< attention as asked for; what follows depends on it
  int64_t cache_bytes_per_token = 0;
  int64_t mapped_bytes = 0;  ///< weights that the forward pass reads through the map
  int64_t copied_bytes = 0;  ///< copies of weights made at load
  int64_t total_memory_bytes = 0;
  int64_t available_memory_bytes = 0;  ///< 0: the system does not say
  std::vector<MemoryFit> fits;
};

/// The component that a tensor of a checkpoint belongs to; empty for names that the model does not
/// know, and of layers behind the last that are none of MTP. `tensors` are all of the checkpoint.
[[nodiscard]] std::string_view component_of(std::string_view tensor_name,
                                            const model::Config& config,
                                            const formats::CheckpointMap& tensors);

/// What an engine with `options` would take for the checkpoint in `model_dir`, whose config.json is
/// `config`, in each of `contexts`: reckoned from its headers, also where the machine could not
/// load it. Throws as model::check_limits and model::Weights::open do.
[[nodiscard]] InspectReport inspect_checkpoint(const std::string& model_dir,
                                               const model::Config& config,
                                               const runtime::EngineOptions& options,
                                               const std::vector<int64_t>& contexts);

/// "fits", ...
[[nodiscard]] std::string_view verdict_name(MemoryFit::Verdict verdict);

}  // namespace levin::eval
