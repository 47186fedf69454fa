// A training run: the stages of a recipe one after the other, resumable at every checkpoint.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "train/data/build_data.h"
#include "train/data/generator.h"
#include "train/nn/weights.h"
#include "train/optim/data_parallel.h"
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
///
/// Several ranks share the rows of every step and come to the weights of one, rounding aside. All
/// of them read the run folder; rank 0 alone writes there and reports.
class Trainer {
 public:
  /// Reads the data, opens the folder `out`, and either draws or loads the first weights or loads
  /// the newest checkpoint there. What can be known from recipe, data and config.json is checked
  /// before the corpus is tokenized and before there is a tensor: throws what load_checked_data and
  /// config_of_stages do, Error(kOutOfMemory) if the largest step to come needs more memory than
  /// there is (it is said how much), and Error(kInvalidFile) if data or rows are not those that the
  /// checkpoint was trained on.
  /// `ranks` is null for one process alone; `local_ranks` of them share this machine's memory.
  Trainer(const recipe::Recipe& recipe, const std::string& out, StartMode mode, Progress& progress,
          optim::DataParallel* ranks = nullptr, int64_t local_ranks = 1);

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

  void open_folder(StartMode mode);
  /// Claims the folder and makes its files end where `state_` does.
  void open_output();
  /// Throws unless the checkpoint was trained on this data.
  void require_same_data(const StoredCheckpoint& checkpoint) const;
  /// Says what the largest step needs; throws, on all ranks alike, if one has too little memory.
  void check_memory(const model::Config& config, int64_t local_ranks) const;
  /// Makes weights and optimizer ready for the stage that state_ names.
  void enter_stage();
  void run_stage(const base::CancelToken& cancel);
  void run_step();
  /// Whether this rank or another one is to stop.
  [[nodiscard]] bool is_stopping(const base::CancelToken& cancel) const;
  [[nodiscard]] TrainingBatch make_rows(int64_t first_row, int64_t count) const;
  /// This rank's rows of the next step.
  [[nodiscard]] std::vector<TrainingBatch> make_parts() const;
  /// At the end of a stage with an indexer: how much of the attention it keeps.
  void report_selection();
  /// Checks, clips, updates the weights and the routers' biases.
  Update update(const StepOutcome& outcome);
  /// The newest checkpoint stays as it is, but its run would come to the same.
  [[noreturn]] void throw_diverged(const std::string& what) const;
  void record(const StepOutcome& outcome, const Update& figures, double seconds);
  void save();

  const recipe::Recipe& recipe_;
  Progress& progress_;
  optim::DataParallel* ranks_;
  std::string path_;
  data::DataSet data_;
  std::optional<data::Generator> generator_;  ///< once all else is checked: it takes seconds
  std::optional<RunFolder> folder_;           ///< of rank 0
  std::optional<CheckpointStore> output_;     ///< of rank 0, once the folder is claimed
  nn::ModelWeights weights_;
  std::unique_ptr<OptimizerSet> optimizers_;
  TrainingState state_;
  double interval_loss_sum_ = 0.0;
  int64_t interval_steps_ = 0;
};

}  // namespace levin::train::run
