// A dense checkpoint's files with indexers beside them: the sparse checkpoint that sparsify writes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "formats/checkpoint_files.h"
#include "model/config.h"
#include "train/nn/weights.h"

namespace levin::train::run {

/// Writes the tensors of one layer's indexer into a shard of `folder`: matrices BF16, k_norm F32.
/// Throws Error(kIo).
void write_layer_indexer(const std::vector<nn::NamedParameter>& indexer, int64_t layer_idx,
                         const std::string& folder);

/// Completes `folder`, which holds the shards of write_layer_indexer: the weight files of
/// `dense_dir` copied as they are, model.safetensors.index.json over all of them, the tokenizer,
/// and config.json with the architecture and index keys of `sparse`. A copy that is there is whole
/// and not made again. Throws Error(kIo | kInvalidFile), Error(kCancelled) between two files.
void write_sparse_checkpoint(const std::string& dense_dir, const formats::CheckpointFiles& dense,
                             const model::Config& sparse, const base::CancelToken& cancel,
                             const std::string& folder);

}  // namespace levin::train::run
