// Where a run stands: everything beside weights and optimizer state that a resumed run needs.
#pragma once

#include <cstdint>
#include <string>

namespace levin::train::run {

/// There is no state of a random generator: the first weights are drawn once, and data row n of a
/// stage is a function of seed, stage and n.
struct TrainingState {
  int64_t step = 0;        ///< of the run, done
  int64_t stage_idx = 0;   ///< the stage that goes on
  int64_t stage_step = 0;  ///< steps of it, done
  bool is_stage_end = false;
  int64_t tokens = 0;    ///< trained on
  double seconds = 0.0;  ///< of training
  double value_accuracy_mean = 0.0;
  double interval_loss = 0.0;  ///< mean loss since the checkpoint before
  int64_t interval_steps = 0;  ///< steps of that mean; 0 in checkpoints of older versions
  /// Of the data's manifest that it was trained on; empty in checkpoints of older versions.
  std::string data_manifest_sha256 = {};
  /// Of the first rows of its stages (rows_checksum.h); empty in checkpoints of older versions.
  std::string rows_sha256 = {};
};

/// Writes `folder`/training_state.json, with the version of levin-train. Throws Error(kIo).
void save_training_state(const TrainingState& state, const std::string& folder);

/// Throws Error(kNotFound | kIo | kInvalidFile) with the path. Counts are not negative; what the
/// recipe alone can tell is left to require_stage.
TrainingState load_training_state(const std::string& folder);

/// Throws Error(kInvalidFile) with the path if a recipe of `stages` stages does not have the stage
/// of a state that was loaded from `folder`.
void require_stage(const TrainingState& state, const std::string& folder, int64_t stages);

}  // namespace levin::train::run
