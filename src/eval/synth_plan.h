// What a synthetic checkpoint consists of: every tensor, how it is drawn, in which file it lies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "eval/config_overrides.h"
#include "formats/safetensors_writer.h"
#include "model/config.h"

namespace levin::eval {

/// One tensor and the distribution of its elements.
struct PlannedTensor {
  enum class Kind {
    kNormal,       ///< mean + std * N(0, 1), BF16 or F32
    kFp8Codes,     ///< E4M3 codes that use the whole range
    kBlockScales,  ///< F32 around `mean`, within a factor of sqrt(2)
    kPow2Scales,   ///< F32, the power of two nearest to what kBlockScales would be
  };

  formats::TensorDeclaration declaration;
  Kind kind = Kind::kNormal;
  float mean = 0.0F;
  float std = 0.0F;
  uint64_t stream = 0;  ///< of random numbers

  [[nodiscard]] int64_t element_count() const noexcept;
  [[nodiscard]] int64_t data_bytes() const noexcept;
};

/// The tensors of one safetensors file.
struct PlannedFile {
  std::string name;
  std::vector<PlannedTensor> tensors;
};

/// Every tensor of a checkpoint of `config`, in files of at most about `shard_bytes` of data (a
/// matrix and its scales stay together): "model.safetensors" if one is enough, else
/// "model-00001-of-00002.safetensors" and so on. Matrices get standard deviations that keep
/// activations near 1 through the layers and spread router and indexer scores. A matrix whose
/// inputs are no multiple of 128 stays BF16 (no FP8 activation groups exist for it).
std::vector<PlannedFile> plan_checkpoint(const model::Config& config, SynthDType dtype,
                                         uint64_t seed, int64_t shard_bytes);

/// Elements [first, ...) of a tensor into `out` (whole elements). `first` is a multiple of
/// kValuesPerWord.
void generate_elements(const PlannedTensor& tensor, int64_t first, std::span<std::byte> out);

}  // namespace levin::eval
