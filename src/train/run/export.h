// A checkpoint of a run as a model folder to ship.
#pragma once

#include <string>

#include "train/nn/save.h"

namespace levin::train::run {

/// Which checkpoint of a run.
enum class CheckpointChoice {
  kNewest,
  kBest,      ///< of those there: lowest loss in the stage of the newest one
  kStageEnd,  ///< the end of ExportOptions::stage
};

struct ExportOptions {
  std::string run_folder;
  std::string out;  ///< made; must not be there
  CheckpointChoice choice = CheckpointChoice::kNewest;
  std::string stage;  ///< of kStageEnd
  nn::StoredDtype dtype = nn::StoredDtype::kBf16;
};

/// Writes weights, config and tokenizer of a checkpoint; `out` is there whole or not at all.
/// Returns a sentence that says which. Throws Error(kNotFound) if there is no such checkpoint,
/// Error(kInvalidArgument) if `out` is there, Error(kIo).
std::string export_model(const ExportOptions& options);

}  // namespace levin::train::run
