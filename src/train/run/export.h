// A checkpoint of a run as a model folder to ship.
#pragma once

#include <string>

#include "train/nn/save.h"

namespace levin::train::run {

struct ExportOptions {
  std::string run_folder;
  std::string out;    ///< made; must not be there
  std::string stage;  ///< the checkpoint at the end of this stage; empty: the newest
  nn::StoredDtype dtype = nn::StoredDtype::kBf16;
};

/// Writes weights, config and tokenizer of a checkpoint; `out` is there whole or not at all.
/// Returns a sentence that says which. Throws Error(kNotFound) if there is no such checkpoint,
/// Error(kInvalidArgument) if `out` is there, Error(kIo).
std::string export_model(const ExportOptions& options);

}  // namespace levin::train::run
