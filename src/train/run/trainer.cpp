#include "train/run/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/memory_info.h"
#include "train/data/random_stream.h"
#include "train/nn/load.h"
#include "train/nn/router.h"
#include "train/nn/save.h"
#include "train/recipe/parse.h"
#include "train/run/curves.h"
#include "train/run/memory.h"
#include "train/run/model_setup.h"
#include "train/run/ranks.h"
#include "train/run/rows_checksum.h"
#include "train/run/run_checks.h"
#include "train/run/selection_quality.h"

namespace levin::train::run {
namespace {

using base::ErrorCode;
using base::throw_error;
using recipe::StageKind;
using recipe::StageSettings;

constexpr const char* kOptimizerFile = "/optimizer.safetensors";

const char* kind_name(StageKind kind) {
  switch (kind) {
    case StageKind::kDense:
      return "dense";
    case StageKind::kWarmUp:
      return "warmup";
    case StageKind::kSparse:
      return "sparse";
  }
  return "";
}

nn::Trainable trainable(StageKind kind) {
  return kind == StageKind::kWarmUp  ? nn::Trainable::kIndexer
         : kind == StageKind::kDense ? nn::Trainable::kModelWithoutIndexer
                                     : nn::Trainable::kEverything;
}

}  // namespace

Trainer::Trainer(const recipe::Recipe& recipe, const std::string& out, StartMode mode,
                 Progress& progress, optim::DataParallel* ranks, int64_t local_ranks)
    : recipe_(recipe),
      progress_(progress),
      ranks_(ranks),
      path_(out),
      data_(load_checked_data(recipe, ranks)) {
  open_folder(mode);
  const std::vector<StoredCheckpoint> checkpoints =
      list_checkpoints(checkpoints_path(path_), std::ssize(recipe_.stages));
  const StoredCheckpoint* newest = checkpoints.empty() ? nullptr : &checkpoints.back();
  if (newest != nullptr) {
    require_same_data(*newest);
    state_ = newest->state;
  }
  if (ranks_ != nullptr) {
    ranks_->require_same(state_.step, "newest checkpoint");
  }
  const model::Config config = newest != nullptr
                                   ? model::load_config(newest->path)
                                   : starting_config(recipe_, token_ids(data_.tokenizer));
  check_memory(config_of_stages(recipe_, config, state_.stage_idx), local_ranks);
  generator_.emplace(data_.tokenizer, data_.train);
  state_.data_manifest_sha256 = data_.manifest_sha256;
  state_.rows_sha256 = rows_sha256(recipe_, *generator_);
  if (newest != nullptr) {
    require_same_rows(*newest, state_.rows_sha256);
    weights_ = nn::load_model(newest->path, {.tied_input_scale = recipe_.model.tied_input_scale});
    enter_stage();
    optimizers_->load(newest->path + kOptimizerFile);
    progress_.note(fmt::format("resuming stage {} after step {}", stage().name, state_.step));
  } else {
    weights_ = starting_weights(recipe_, token_ids(data_.tokenizer));
  }
  open_output();
}

void Trainer::open_folder(StartMode mode) {
  const std::string text = recipe::recipe_text(recipe_);
  if (ranks_ == nullptr || ranks_->rank() == 0) {
    folder_.emplace(path_, text, mode);
  }
  if (ranks_ != nullptr) {  // the others read the folder once it is rank 0's
    ranks_->require_same(static_cast<int64_t>(data::hash_text(text) >> 1), "recipe");
  }
}

void Trainer::open_output() {
  if (folder_) {
    folder_->claim();
    output_.emplace(checkpoints_path(path_));
    cut_after_step(metrics_path(path_), state_.step);
    cut_after_step(selection_path(path_), state_.step);
  }
}

const StageSettings& Trainer::stage() const {
  return recipe_.stages.at(static_cast<size_t>(state_.stage_idx));
}

void Trainer::require_same_data(const StoredCheckpoint& checkpoint) const {
  const std::string& trained_on = checkpoint.state.data_manifest_sha256;
  if (!trained_on.empty() && trained_on != data_.manifest_sha256) {
    throw_error(
        ErrorCode::kInvalidFile, checkpoint.path,
        "this checkpoint was trained on data whose manifest has the checksum {}, {} has {}: "
        "bring that data back, or train from the start in another --out",
        trained_on, data_.folder, data_.manifest_sha256);
  }
  data::require_same_tokenizer(data_, checkpoint.path);
}

void Trainer::check_memory(const model::Config& config, int64_t local_ranks) const {
  const RankCount count{ranks_ == nullptr ? 1 : ranks_->ranks(), local_ranks};
  const int64_t available_bytes = base::available_memory_bytes();
  const MemoryNeed need = largest_step(recipe_, config, state_.stage_idx, count);
  const bool is_short = !fits(need, count, available_bytes);
  const bool others_fit = ranks_ == nullptr || ranks_->sum(is_short ? 1 : 0) == 0;
  require_memory(need, count, available_bytes, recipe_.path,
                 is_short && is_claimed(path_) ? way_to_another_recipe(path_) : "");
  if (!others_fit) {
    throw_error(ErrorCode::kOutOfMemory, recipe_.path,
                "another rank has too little memory; its own message says how much it needs");
  }
  progress_.note(describe_memory(need, count, available_bytes));
}

void Trainer::enter_stage() {
  if (stage().kind != StageKind::kDense) {
    ensure_indexer(weights_, recipe_);
  }
  nn::set_trainable(weights_, trainable(stage().kind));
  if (optimizers_ == nullptr || !optimizers_->fits(stage())) {
    optimizers_.reset();  // the state of two stages is more than a step needs
    optimizers_ = std::make_unique<OptimizerSet>(weights_, stage());
  }
}

bool Trainer::is_stage_done() const {
  const bool is_good_enough =
      stage().stop_accuracy > 0.0 && state_.value_accuracy_mean > stage().stop_accuracy;
  return state_.stage_step >= stage().max_steps ||
         (is_good_enough && state_.stage_step >= stage().min_steps);
}

void Trainer::run(const base::CancelToken& cancel) {
  while (true) {
    if (!state_.is_stage_end) {
      enter_stage();
      run_stage(cancel);
    }
    if (output_) {
      write_curves(read_metrics(metrics_path(path_)), curves_path(path_));
    }
    if (state_.stage_idx + 1 == static_cast<int64_t>(recipe_.stages.size())) {
      return;
    }
    ++state_.stage_idx;
    state_.stage_step = 0;
    state_.value_accuracy_mean = 0.0;
    state_.is_stage_end = false;
  }
}

void Trainer::run_stage(const base::CancelToken& cancel) {
  progress_.note(fmt::format("stage {}: {}, rows of {} tokens, {} tokens a step, at most {} steps",
                             stage().name, kind_name(stage().kind), stage().row_tokens,
                             stage().tokens_per_step, stage().max_steps));
  while (!state_.is_stage_end) {
    run_step();
    state_.is_stage_end = is_stage_done();
    const bool stops = is_stopping(cancel);
    if (state_.is_stage_end) {
      report_selection();  // before the checkpoint that ends the stage: a kill loses neither
    }
    if (state_.is_stage_end || stops || state_.step % recipe_.run.checkpoint_steps == 0) {
      save();
    }
    if (stops) {
      throw_error(ErrorCode::kCancelled, path_, "stopped after step {}; go on with --resume",
                  state_.step);
    }
  }
}

bool Trainer::is_stopping(const base::CancelToken& cancel) const {
  const bool is_cancelled = cancel.is_cancelled();
  return ranks_ == nullptr ? is_cancelled : ranks_->sum(is_cancelled ? 1 : 0) > 0;
}

void Trainer::report_selection() {
  if (stage().kind == StageKind::kDense || !output_) {
    return;
  }
  // Rows of the stage that it has not trained on.
  const int64_t first_row = stage().max_steps * stage().rows_per_step();
  const TrainingBatch batch = make_rows(first_row, stage().rows_per_part());
  const std::vector<LayerSelection> layers = measure_selection(weights_, batch);
  const int64_t topk = weights_.config.indexer.index_topk;
  append_selection(selection_path(path_), state_.step, stage().name, layers, topk);
  progress_.note(describe_selection(layers, topk));
}

TrainingBatch Trainer::make_rows(int64_t first_row, int64_t count) const {
  std::vector<data::Row> rows;
  for (int64_t row_idx = first_row; row_idx < first_row + count; ++row_idx) {
    rows.push_back(generator_->make_row(stage().sample, stage().row_tokens,
                                        static_cast<uint64_t>(recipe_.run.seed), row_idx));
  }
  return make_batch(rows);
}

std::vector<TrainingBatch> Trainer::make_parts() const {
  std::vector<TrainingBatch> parts;
  const RowShare share = share_of_rank(stage(), ranks_);
  const int64_t first_row = state_.stage_step * stage().rows_per_step() + share.first_row;
  for (int64_t begin = 0; begin < share.rows; begin += stage().rows_per_part()) {
    parts.push_back(
        make_rows(first_row + begin, std::min(stage().rows_per_part(), share.rows - begin)));
  }
  return parts;
}

void Trainer::run_step() {
  const auto start = std::chrono::steady_clock::now();
  const StepOutcome outcome = add_gradients(weights_, stage(), make_parts(), ranks_);
  optimizers_->gather_gradients(ranks_);
  const Update figures = update(outcome);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  record(outcome, figures, seconds);
}

Trainer::Update Trainer::update(const StepOutcome& outcome) {
  if (!std::isfinite(outcome.total())) {
    throw_diverged("loss");
  }
  const double norm = optimizers_->clip(stage().clip_norm);
  if (!std::isfinite(norm)) {
    const std::optional<std::string> name = optimizers_->first_non_finite_gradient();
    throw_diverged(name ? "gradient of " + *name : "gradient");
  }
  const double lr_factor = optimizers_->step(stage(), state_.stage_step);
  if (stage().kind != StageKind::kWarmUp) {
    for (size_t layer_idx = 0; layer_idx < outcome.layer_expert_loads.size(); ++layer_idx) {
      if (outcome.layer_expert_loads[layer_idx].defined()) {
        nn::update_router_bias(std::get<nn::MoeWeights>(weights_.layers[layer_idx].mlp),
                               outcome.layer_expert_loads[layer_idx], stage().router_bias_speed);
      }
    }
  }
  return {lr_factor, norm};
}

void Trainer::throw_diverged(const std::string& what) const {
  throw_error(
      ErrorCode::kInvalidArgument, recipe_.path,
      "stage \"{}\": the {} became NaN or infinite at step {}; lower lr or give clip_norm, {}",
      stage().name, what, state_.step + 1, way_to_another_recipe(path_));
}

void Trainer::record(const StepOutcome& outcome, const Update& figures, double seconds) {
  ++state_.step;
  ++state_.stage_step;
  state_.tokens += stage().tokens_per_step;
  state_.seconds += seconds;
  if (outcome.value_accuracy) {
    state_.value_accuracy_mean = stage().stop_memory * state_.value_accuracy_mean +
                                 (1.0 - stage().stop_memory) * *outcome.value_accuracy;
  }
  interval_loss_sum_ += outcome.total();
  ++interval_steps_;
  if (!output_) {
    return;
  }
  StepMetrics metrics;
  metrics.step = state_.step;
  metrics.stage = stage().name;
  metrics.kind = kind_name(stage().kind);
  metrics.stage_step = state_.stage_step;
  metrics.tokens = state_.tokens;
  metrics.seconds = state_.seconds;
  metrics.tokens_per_s = static_cast<double>(stage().tokens_per_step) / seconds;
  metrics.lr_factor = figures.lr_factor;
  metrics.loss = outcome.loss;
  metrics.text_loss = outcome.text_loss;
  metrics.answer_loss = outcome.answer_loss;
  metrics.value_accuracy = outcome.value_accuracy;
  if (outcome.value_accuracy) {
    metrics.value_accuracy_mean = state_.value_accuracy_mean;
  }
  metrics.gradient_norm = figures.gradient_norm;
  metrics.max_expert_load = outcome.max_expert_load();
  metrics.layer_kl = outcome.layer_kl;
  append_metrics(metrics_path(path_), metrics);
  progress_.update(metrics, stage().max_steps);
}

void Trainer::save() {
  if (interval_steps_ > 0) {
    state_.interval_loss = interval_loss_sum_ / static_cast<double>(interval_steps_);
    state_.interval_steps = interval_steps_;
  }
  if (output_) {
    output_->save(state_, {recipe_.run.keep_last, recipe_.run.keep_best},
                  [&](const std::string& folder) {
                    nn::save_model(weights_, folder, nn::StoredDtype::kF32);
                    nn::copy_companion_files(recipe_.data.folder, folder);
                    optimizers_->save(folder + kOptimizerFile);
                  });
  }
  interval_loss_sum_ = 0.0;
  interval_steps_ = 0;
}

}  // namespace levin::train::run
