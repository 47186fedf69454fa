#include "train/run/sparsify_needs.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/error.h"
#include "base/units.h"
#include "train/nn/weights.h"
#include "train/run/memory.h"

namespace levin::train::run {
namespace {

using base::ErrorCode;
using base::throw_error;

constexpr int64_t kStoredIndexerBytes = 2;  // BF16, but for a few norms

int64_t weight_file_bytes(const formats::CheckpointFiles& files) {
  std::set<std::string> paths;
  for (const auto& [name, stored] : files.tensors()) {
    paths.insert(stored.file->path());
  }
  int64_t bytes = 0;
  for (const std::string& path : paths) {
    bytes += static_cast<int64_t>(std::filesystem::file_size(path));
  }
  return bytes;
}

}  // namespace

SparsifyNeeds sparsify_needs(const formats::CheckpointFiles& files, const model::Config& sparse,
                             int64_t rows, int64_t row_tokens) {
  constexpr int64_t kTrainedCopies = 3;  // gradients and two moments, beside the weights
  SparsifyNeeds needs;
  int64_t largest_layer = 0;
  for (int64_t layer_idx = 0; layer_idx < sparse.num_hidden_layers; ++layer_idx) {
    const nn::LayerParameterCount numbers = nn::layer_parameter_count(sparse, layer_idx);
    largest_layer = std::max(largest_layer, numbers.all + kTrainedCopies * numbers.indexer);
    needs.disk_bytes += kStoredIndexerBytes * numbers.indexer;
  }
  const int64_t embedding = sparse.vocab_size * sparse.hidden_size;
  needs.memory_bytes = warmup_row_memory_bytes(sparse, row_tokens) +
                       kFloatBytes * std::max(largest_layer, embedding);
  // Before a layer and behind it.
  const int64_t copies = std::min<int64_t>(2, sparse.num_hidden_layers);
  needs.disk_bytes += copies * rows * row_tokens * sparse.hidden_size * kFloatBytes;
  needs.disk_bytes += weight_file_bytes(files);
  return needs;
}

std::string require_room(const SparsifyNeeds& needs, int64_t free_memory_bytes,
                         int64_t free_disk_bytes, int64_t held_bytes, const std::string& folder) {
  using base::format_bytes;
  const int64_t disk_bytes = std::max<int64_t>(0, needs.disk_bytes - held_bytes);
  if (free_memory_bytes > 0 && needs.memory_bytes > free_memory_bytes) {
    throw_error(ErrorCode::kOutOfMemory, folder,
                "sparsify needs about {} of memory, {} are free; lower --row-tokens",
                format_bytes(needs.memory_bytes), format_bytes(free_memory_bytes));
  }
  if (disk_bytes > free_disk_bytes) {
    throw_error(
        ErrorCode::kIo, folder,
        "sparsify needs about {} of disk, {} are free there; lower --steps or --row-tokens, "
        "or name an --out on another disk",
        format_bytes(disk_bytes), format_bytes(free_disk_bytes));
  }
  return fmt::format("needs about {} of memory ({} free) and {} of disk ({} free)",
                     format_bytes(needs.memory_bytes), format_bytes(free_memory_bytes),
                     format_bytes(disk_bytes), format_bytes(free_disk_bytes));
}

}  // namespace levin::train::run
