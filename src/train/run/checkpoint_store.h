// The checkpoints of a run: written whole or not at all, the old ones removed.
//   step-00000120/  config.json, model.safetensors, tokenizer files: runs in `levin` as it is
//                   optimizer.safetensors, training_state.json: to go on training
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "train/run/training_state.h"

namespace levin::train::run {

struct StoredCheckpoint {
  std::string path;
  TrainingState state;
};

struct KeepRule {
  int64_t last = 2;
  bool keeps_best = true;  ///< of the stage that goes on: by interval_loss
};

/// All whole checkpoints of a folder, oldest first; none if it is not there. A run may add and
/// remove some meanwhile.
/// Throws Error(kInvalidFile | kIo).
std::vector<StoredCheckpoint> list_checkpoints(const std::string& folder);

/// The same of a run whose recipe has `stages` stages. Throws Error(kInvalidFile) also of a
/// checkpoint of another stage.
std::vector<StoredCheckpoint> list_checkpoints(const std::string& folder, int64_t stages);

/// The one of lowest interval_loss among those of the newest one's stage. A mean over less than
/// half as many steps as another one's says too little to compete: a stage may end, or a run be
/// stopped, one step behind a checkpoint. `checkpoints` are as list_checkpoints gives them, at
/// least one.
const StoredCheckpoint& best_of_newest_stage(const std::vector<StoredCheckpoint>& checkpoints);

class CheckpointStore {
 public:
  /// Opens or makes `folder`; removes what an interrupted write left. Throws Error(kIo).
  explicit CheckpointStore(std::string folder);

  /// Calls `write` with an empty folder of a temporary name, adds `state`, flushes everything to
  /// the disk and gives the folder its name. If anything throws, nothing is left and older
  /// checkpoints stay. Then removes what `keep` does not keep; the ends of stages always stay.
  /// Throws Error(kIo) and what `write` throws.
  void save(const TrainingState& state, const KeepRule& keep,
            const std::function<void(const std::string& folder)>& write);

 private:
  void prune(const KeepRule& keep) const;

  std::string folder_;
};

}  // namespace levin::train::run
