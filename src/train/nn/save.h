// Writing a model as an official-layout checkpoint that the engine runs as it is.
#pragma once

#include <string>

#include "train/nn/weights.h"

namespace levin::train::nn {

enum class StoredDtype {
  kF32,   ///< everything as it is: training goes on with the same bits
  kBf16,  ///< matrices and RMSNorm weights rounded; router biases and k_norm stay f32
};

/// Writes config.json and model.safetensors into the existing folder `model_dir`, each under a
/// temporary name, flushed and renamed; the weights come last. A scaled tie of embedding and head
/// is folded: embed_tokens = scale * lm_head, two tensors (one with config.tie_word_embeddings).
/// One tensor at a time is converted, so the memory needed is that of the largest.
/// Throws Error(kIo), also when the disk is full; then files of these names that were there before
/// are untouched or whole. Throws Error(kInvalidArgument) if a weight is NaN or infinite.
void save_model(const ModelWeights& weights, const std::string& model_dir, StoredDtype dtype);

/// Copies tokenizer.json, tokenizer_config.json and generation_config.json, as far as they are in
/// `from_dir`, in the same careful way. Throws Error(kIo).
void copy_companion_files(const std::string& from_dir, const std::string& to_dir);

}  // namespace levin::train::nn
