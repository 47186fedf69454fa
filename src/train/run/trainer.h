// A training run: the stages of a recipe one after the other, resumable at every checkpoint.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/cancel.h"
#include "train/data/build_data.h"
#include "train/data/generator.h"
#include "train/nn/weights.h"
#include "train/recipe/recipe.h"
#include "train/run/checkpoint_store.h"
#include "train/run/metrics.h"
#include "train/run/optimizer_set.h"
#include "train/run/progress.h"
#include "train/run/run_folder.h"
#include "train/run/step.h"
#include "train/run/training_state.h"

namespace levin::train::run {

/// With one thread a run is a function of recipe and data alone: stopped and resumed anywhere, it
/// ends with the same bits.
class Trainer {
 public:
  /// Reads the data, opens the folder `out`, and either draws or loads the first weights or loads
  /// the newest checkpoint there. Throws what those do, and Error(kOutOfMemory) if a stage needs
  /// more memory than there is.
  Trainer(const recipe::Recipe& recipe, const std::string& out, StartMode mode, Progress& progress);

  /// Trains until the last stage ends. If `cancel` is set, writes a checkpoint after the running
  /// step and throws Error(kCancelled). Throws Error(kInvalidArgument) if a loss or gradient is NaN
  /// or infinite, Error(kIo) if the disk is full: the newest checkpoint is then intact.
  void run(const base::CancelToken& cancel);

  [[nodiscard]] const TrainingState& state() const noexcept { return state_; }

 private:
  struct Update {
    double lr_factor = 0.0;
    double gradient_norm = 0.0;
  };

  [[nodiscard]] const recipe::StageSettings& stage() const;
  [[nodiscard]] bool is_stage_done() const;

  void resume(const StoredCheckpoint& checkpoint);
  /// Makes weights and optimizer ready for the stage that state_ names.
  void enter_stage();
  void run_stage(const base::CancelToken& cancel);
  void run_step();
  [[nodiscard]] TrainingBatch make_rows(int64_t first_row, int64_t count) const;
  /// Rows of the next step.
  [[nodiscard]] std::vector<TrainingBatch> make_parts() const;
  /// At the end of a stage with an indexer: how much of the attention it keeps.
  void report_selection();
  /// Checks, clips, updates the weights and the routers' biases.
  Update update(const StepOutcome& outcome);
  void record(const StepOutcome& outcome, const Update& figures, double seconds);
  void save();

  const recipe::Recipe& recipe_;
  Progress& progress_;
  data::DataSet data_;
  data::Generator generator_;
  RunFolder folder_;
  CheckpointStore checkpoints_;
  nn::ModelWeights weights_;
  std::unique_ptr<OptimizerSet> optimizers_;
  TrainingState state_;
  double interval_loss_sum_ = 0.0;
  int64_t interval_steps_ = 0;
};

}  // namespace levin::train::run
