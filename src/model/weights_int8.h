// Re-encoding of large matrices at load: int8 in groups of 64 inputs. Private to weights*.cpp.
#pragma once

#include <span>
#include <string>

#include "model/weights_arena.h"
#include "model/weights_tasks.h"

namespace levin::model {

/// A matrix of the model that may be re-encoded in place of its mapped form.
struct MatrixSlot {
  WeightMatrix* matrix = nullptr;
  std::string name;  ///< for messages
};

/// Encodes one row of `cols` numbers: q = round(w / s), s = amax / 127 of each group of 64 as the
/// float16 nearest to it that keeps |q| <= 127. |w - q s| <= s / 2 for every weight (a group's
/// amax may exceed 127 s by at most s / 2). Returns false if a weight is not finite or too large
/// for a float16 scale (8.3 million).
[[nodiscard]] bool encode_int8_row(std::span<const float> row, int8_t* codes, base::F16* scales);

/// Source bytes that encode_int8_matrices reads, for progress.
int64_t int8_source_bytes(std::span<const MatrixSlot> slots);

/// Plans the memory that encode_int8_matrices will take; returns its bytes.
int64_t plan_int8(std::span<const MatrixSlot> slots, WeightsArena& arena);

/// Replaces every matrix by its int8 form. The kernel is told that source pages already read are
/// no longer needed, so that about one copy of the weights is resident at any time.
/// Throws Error(kInvalidFile) for NaN, infinity and absurdly large weights, Error(kCancelled).
void encode_int8_matrices(std::span<const MatrixSlot> slots, WeightsArena& arena,
                          base::ThreadPool& pool, const LoadOptions& options,
                          LoadProgress& progress);

}  // namespace levin::model
