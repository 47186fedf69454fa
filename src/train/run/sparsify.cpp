#include "train/run/sparsify.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/memory_info.h"
#include "formats/checkpoint_files.h"
#include "train/data/sha256.h"
#include "train/nn/config_json.h"
#include "train/nn/forward.h"
#include "train/nn/init.h"
#include "train/nn/load.h"
#include "train/optim/adamw.h"
#include "train/optim/gradients.h"
#include "train/optim/schedule.h"
#include "train/run/batch.h"
#include "train/run/hidden_states.h"
#include "train/run/new_folder.h"
#include "train/run/sparse_checkpoint.h"
#include "train/run/sparsify_folder.h"
#include "train/run/sparsify_needs.h"
#include "train/run/sparsify_rows.h"

namespace levin::train::run {
namespace {

namespace fs = std::filesystem;

using base::ErrorCode;
using base::throw_error;
using model::Config;

/// Of a layer's KL that is reported: mean over its last steps.
constexpr int64_t kReportedSteps = 20;
constexpr int64_t kMaxModelConfigBytes = int64_t{16} << 20;

/// The config with the indexer. Throws unless the model can become sparse and knows so many
/// positions.
Config sparse_config(const SparsifyOptions& options) {
  const Config dense = model::load_config(options.model_dir);
  Config sparse;
  try {
    sparse =
        nn::with_indexer(dense, options.index_n_heads, options.index_head_dim, options.index_topk);
  } catch (const base::Error& error) {
    throw base::Error(error.code(), error.what(), options.model_dir);
  }
  if (options.row_tokens > dense.max_position_embeddings) {
    throw_error(ErrorCode::kInvalidArgument, options.model_dir,
                "rows of {} tokens are asked for, but max_position_embeddings is {}",
                options.row_tokens, dense.max_position_embeddings);
  }
  return sparse;
}

/// Of config.json and the names and sizes of the weights: enough to tell checkpoints apart without
/// reading them.
std::string model_sha256(const formats::CheckpointFiles& files) {
  std::string text =
      base::read_regular_file(files.model_dir() + "/config.json", kMaxModelConfigBytes);
  for (const auto& [name, stored] : files.tensors()) {
    text += fmt::format("{} {} {}\n", name, stored.file->file_name(), stored.tensor->bytes.size());
  }
  return data::sha256_hex(text);
}

/// Everything that shapes the result, by its name on the command line.
nlohmann::ordered_json identity_of(const SparsifyOptions& options,
                                   const formats::CheckpointFiles& files,
                                   const SparsifyRows& rows) {
  return {{"MODEL", model_sha256(files)},
          {"--data", rows.sha256()},
          {"--steps", options.steps},
          {"--row-tokens", options.row_tokens},
          {"--lr", options.lr},
          {"--seed", options.seed},
          {"--index-heads", options.index_n_heads},
          {"--index-head-dim", options.index_head_dim},
          {"--topk", options.index_topk}};
}

class Sparsifier {
 public:
  Sparsifier(const SparsifyOptions& options, const formats::CheckpointFiles& files,
             const Config& sparse, const SparsifyRows& rows, SparsifyFolder& folder,
             const base::CancelToken& cancel, Progress& progress)
      : options_(options),
        files_(files),
        sparse_(sparse),
        rows_(rows),
        folder_(folder),
        cancel_(cancel),
        progress_(progress),
        dense_(model::load_config(options.model_dir)) {}

  void run() {
    {
      std::array<HiddenStates, 2> hidden = {open_hidden(0), open_hidden(1)};
      make_rows(hidden[0]);
      for (int64_t layer_idx = folder_.finished_layers(); layer_idx < sparse_.num_hidden_layers;
           ++layer_idx) {
        train_layer(layer_idx, hidden[layer_idx % 2], hidden[(layer_idx + 1) % 2]);
      }
      hidden[0].remove();
      hidden[1].remove();
    }
    write_sparse_checkpoint(options_.model_dir, files_, sparse_, cancel_, folder_.path());
  }

 private:
  [[nodiscard]] HiddenStates open_hidden(int idx) const {
    return {fmt::format("{}/hidden-{}.tmp", folder_.path(), idx), options_.row_tokens,
            sparse_.hidden_size};
  }

  /// The rows' documents, and where no layer is done yet their embeddings.
  void make_rows(HiddenStates& hidden) {
    const bool embeds = folder_.finished_layers() == 0;
    nn::ModelWeights embedding;
    embedding.config = dense_;
    if (embeds) {
      embedding.embed_tokens = nn::load_tensor(files_, "model.embed_tokens.weight",
                                               {dense_.vocab_size, dense_.hidden_size}, at::kFloat);
    }
    const at::NoGradGuard no_grad;
    for (int64_t step = 0; step < options_.steps; ++step) {
      stop_if_cancelled();
      const TrainingBatch batch = make_batch(
          {rows_.make_row(options_.row_tokens, static_cast<uint64_t>(options_.seed), step)});
      documents_.push_back(batch.pack.documents);
      if (embeds) {
        hidden.write(step, nn::embed(embedding, batch.pack.tokens));
      }
    }
  }

  /// Trains the layer's indexer on every row once, and carries the rows through the layer.
  void train_layer(int64_t layer_idx, const HiddenStates& before, HiddenStates& behind) {
    nn::LayerWeights layer = nn::load_layer(files_, dense_, layer_idx, at::kFloat);
    nn::add_layer_indexer(sparse_, layer_idx, static_cast<uint64_t>(options_.seed), layer);
    std::vector<nn::NamedParameter> indexer;
    std::vector<optim::Parameter> trained;
    nn::visit_layer(sparse_, layer_idx, layer, [&](const nn::TensorSpec& spec, at::Tensor& tensor) {
      if (nn::is_indexer(spec.role)) {
        tensor.requires_grad_(true);
        indexer.push_back({spec, tensor});
        trained.push_back({spec.name, tensor});
      }
    });
    optim::AdamW adamw(trained, {.lr = options_.lr});
    const bool is_last = layer_idx + 1 == sparse_.num_hidden_layers;
    LayerKl kl;
    for (int64_t step = 0; step < options_.steps; ++step) {
      stop_if_cancelled();
      const at::Tensor output = train_step(layer_idx, layer, step, before.read(step), adamw, kl);
      if (!is_last) {
        behind.write(step, output);
      }
    }
    write_layer_indexer(indexer, layer_idx, folder_.path());
    behind.sync();
    folder_.finish_layer(kl);
    progress_.note(fmt::format("layer {} of {}: KL {:.3f} at first, {:.3f} at last", layer_idx + 1,
                               sparse_.num_hidden_layers, kl.first, kl.last));
  }

  /// Returns the row's hidden states behind the layer.
  at::Tensor train_step(int64_t layer_idx, const nn::LayerWeights& layer, int64_t step,
                        const at::Tensor& hidden, optim::AdamW& adamw, LayerKl& kl) {
    nn::ForwardOptions forward_options;
    forward_options.mode = nn::AttentionMode::kWarmUp;
    nn::PassContext pass = nn::make_pass(sparse_, documents_[step], forward_options, at::kFloat);
    const nn::LayerResult result = nn::forward_layer(pass, layer, hidden);
    const at::Tensor loss = result.indexer_kl / static_cast<double>(options_.row_tokens);
    const auto step_kl = loss.item<double>();
    if (!std::isfinite(step_kl)) {
      throw_error(ErrorCode::kInvalidArgument, options_.model_dir,
                  "the KL of layer {} became NaN or infinite at step {}; try a smaller --lr",
                  layer_idx, step + 1);
    }
    loss.backward();
    adamw.step(optim::schedule_factor({.steps = options_.steps,
                                       .warmup_steps = std::min<int64_t>(10, options_.steps),
                                       .decay = optim::Decay::kLinear},
                                      step));
    optim::clear_gradients(adamw.parameters());
    if (step == 0) {
      kl.first = step_kl;
    }
    const int64_t reported = std::min(kReportedSteps, options_.steps);
    if (step >= options_.steps - reported) {
      kl.last += step_kl / static_cast<double>(reported);
    }
    return result.hidden;
  }

  void stop_if_cancelled() const {
    if (cancel_.is_cancelled()) {
      const int64_t done = folder_.finished_layers();
      throw_error(ErrorCode::kCancelled, options_.out, "stopped with {} of {} layers done{}", done,
                  sparse_.num_hidden_layers, done > 0 ? "; go on with --resume" : "");
    }
  }

  const SparsifyOptions& options_;
  const formats::CheckpointFiles& files_;
  const Config& sparse_;
  const SparsifyRows& rows_;
  SparsifyFolder& folder_;
  const base::CancelToken& cancel_;
  Progress& progress_;
  Config dense_;
  std::vector<nn::Documents> documents_;  // of each row
};

int64_t free_disk_bytes(const std::string& folder) {
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  if (error) {
    throw_error(ErrorCode::kIo, folder, "cannot examine: {}", error.message());
  }
  return static_cast<int64_t>(space.available);
}

void sparsify(const SparsifyOptions& options, const base::CancelToken& cancel, Progress& progress) {
  const bool may_be_done = options.mode == StartMode::kResume && fs::exists(options.out);
  if (!may_be_done) {
    require_new_folder(options.out);
  }
  const Config sparse = sparse_config(options);
  const formats::CheckpointFiles files(options.model_dir);
  nn::check_tensor_list(files, model::load_config(options.model_dir));
  const SparsifyRows rows(options.data, options.model_dir);
  const nlohmann::ordered_json identity = identity_of(options, files, rows);
  if (may_be_done) {
    if (!is_sparsified(options.out, identity)) {
      require_new_folder(options.out);
    }
    progress.note(fmt::format("done already: {}", options.out));
    return;
  }
  SparsifyFolder folder(options.out, identity, options.mode);
  progress.note(
      fmt::format("sparsify on {}: {}", rows.description(),
                  require_room(sparsify_needs(files, sparse, options.steps, options.row_tokens),
                               base::available_memory_bytes(), free_disk_bytes(folder.path()),
                               folder.held_bytes(), options.out)));
  if (folder.finished_layers() > 0) {
    progress.note(fmt::format("resuming after layer {} of {}", folder.finished_layers(),
                              sparse.num_hidden_layers));
  }
  Sparsifier(options, files, sparse, rows, folder, cancel, progress).run();
  folder.finish();
  progress.note(fmt::format("done: {}", options.out));
}

}  // namespace

void sparsify_checkpoint(const SparsifyOptions& options, const base::CancelToken& cancel,
                         Progress& progress) {
  try {
    sparsify(options, cancel, progress);
  } catch (const fs::filesystem_error& error) {
    throw_error(ErrorCode::kIo, options.out, "cannot write: {}", error.code().message());
  }
}

}  // namespace levin::train::run
