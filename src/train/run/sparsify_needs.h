// What sparsify takes of memory and disk, from shapes alone.
#pragma once

#include <cstdint>
#include <string>

#include "formats/checkpoint_files.h"
#include "model/config.h"

namespace levin::train::run {

struct SparsifyNeeds {
  int64_t memory_bytes = 0;  ///< at most: one layer in F32, its indexer's optimizer, one row
  int64_t disk_bytes = 0;    ///< in all: hidden states twice, a copy of the checkpoint, indexers
};

/// `sparse` is the config with the indexer.
SparsifyNeeds sparsify_needs(const formats::CheckpointFiles& files, const model::Config& sparse,
                             int64_t rows, int64_t row_tokens);

/// A sentence with both needs and what is there. Throws Error(kOutOfMemory) or Error(kIo) with it
/// if one of them is more than there is; `held_bytes` of the disk are written already.
std::string require_room(const SparsifyNeeds& needs, int64_t free_memory_bytes,
                         int64_t free_disk_bytes, int64_t held_bytes, const std::string& folder);

}  // namespace levin::train::run
