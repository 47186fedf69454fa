#include "train/run/sparsify.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "base/error.h"
#include "formats/checkpoint_files.h"
#include "train/data/build_data.h"
#include "train/data/generator.h"
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

namespace levin::train::run {
namespace {

using base::ErrorCode;
using base::throw_error;
using model::Config;

/// Of a layer's KL that is reported: mean over its last steps.
constexpr int64_t kReportedSteps = 20;
constexpr int64_t kShortestDocument = 256;

/// Prose and look-up documents of every length up to the row's.
data::SampleSpec sample_spec(int64_t row_tokens) {
  data::SampleSpec spec;
  spec.stage = "sparsify";
  spec.document_tokens_max = row_tokens + 1;
  spec.document_tokens_min = std::min(kShortestDocument, spec.document_tokens_max);
  spec.text_share = 0.5;
  spec.facts_max = 8;
  spec.questions_max = 8;
  return spec;
}

/// Throws unless the model can become sparse and knows so many positions.
void require_fitting(const SparsifyOptions& options) {
  const Config dense = model::load_config(options.model_dir);
  if (options.row_tokens > dense.max_position_embeddings) {
    throw_error(ErrorCode::kInvalidArgument, options.model_dir,
                "rows of {} tokens are asked for, but max_position_embeddings is {}",
                options.row_tokens, dense.max_position_embeddings);
  }
  try {
    (void)nn::with_indexer(dense, options.index_n_heads, options.index_head_dim,
                           options.index_topk);
  } catch (const base::Error& error) {
    throw base::Error(error.code(), error.what(), options.model_dir);
  }
}

class Sparsifier {
 public:
  Sparsifier(const SparsifyOptions& options, const base::CancelToken& cancel, Progress& progress,
             const std::string& part)
      : options_(options),
        cancel_(cancel),
        progress_(progress),
        part_(part),
        files_(options.model_dir),
        dense_(model::load_config(options.model_dir)),
        sparse_(nn::with_indexer(dense_, options.index_n_heads, options.index_head_dim,
                                 options.index_topk)),
        hidden_(part + "/hidden_states.tmp", options.row_tokens, dense_.hidden_size) {
    nn::check_tensor_list(files_, dense_);
  }

  void run() {
    embed_rows();
    for (int64_t layer_idx = 0; layer_idx < sparse_.num_hidden_layers; ++layer_idx) {
      train_layer(layer_idx);
    }
    hidden_.remove();
    write_sparse_checkpoint(options_.model_dir, files_, sparse_, part_);
  }

 private:
  void embed_rows() {
    const data::DataSet data = data::load_data(options_.data_folder);
    data::require_same_tokenizer(data, options_.model_dir);
    const data::Generator generator(data.tokenizer, data.train);
    const data::SampleSpec spec = sample_spec(options_.row_tokens);
    nn::ModelWeights embedding;
    embedding.config = dense_;
    embedding.embed_tokens = nn::load_tensor(files_, "model.embed_tokens.weight",
                                             {dense_.vocab_size, dense_.hidden_size}, at::kFloat);
    const at::NoGradGuard no_grad;
    for (int64_t step = 0; step < options_.steps; ++step) {
      cancel_.throw_if_cancelled();
      const TrainingBatch batch = make_batch({generator.make_row(
          spec, options_.row_tokens, static_cast<uint64_t>(options_.seed), step)});
      documents_.push_back(batch.pack.documents);
      hidden_.write(step, nn::embed(embedding, batch.pack.tokens));
    }
  }

  /// Trains the layer's indexer on every row once, and carries the rows through the layer.
  void train_layer(int64_t layer_idx) {
    nn::LayerWeights layer = nn::load_layer(files_, dense_, layer_idx, at::kFloat);
    nn::add_layer_indexer(sparse_, layer_idx, static_cast<uint64_t>(options_.seed), layer);
    std::vector<nn::NamedParameter> indexer;
    std::vector<optim::Parameter> trained;
    nn::visit_layer(sparse_, layer_idx, layer, [&](const nn::TensorSpec& spec, at::Tensor& tensor) {
      if (spec.role == nn::TensorRole::kIndexer || spec.role == nn::TensorRole::kIndexerNorm) {
        tensor.requires_grad_(true);
        indexer.push_back({spec, tensor});
        trained.push_back({spec.name, tensor});
      }
    });
    optim::AdamW adamw(trained, {.lr = options_.lr});
    for (int64_t step = 0; step < options_.steps; ++step) {
      cancel_.throw_if_cancelled();
      train_step(layer_idx, layer, step, adamw);
    }
    write_layer_indexer(indexer, layer_idx, part_);
  }

  void train_step(int64_t layer_idx, const nn::LayerWeights& layer, int64_t step,
                  optim::AdamW& adamw) {
    nn::ForwardOptions forward_options;
    forward_options.mode = nn::AttentionMode::kWarmUp;
    nn::PassContext pass = nn::make_pass(sparse_, documents_[step], forward_options, at::kFloat);
    const nn::LayerResult result = nn::forward_layer(pass, layer, hidden_.read(step));
    const at::Tensor loss = result.indexer_kl / static_cast<double>(options_.row_tokens);
    const auto kl = loss.item<double>();
    if (!std::isfinite(kl)) {
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
    hidden_.write(step, result.hidden);
    report(layer_idx, step, kl);
  }

  void report(int64_t layer_idx, int64_t step, double kl) {
    if (step == 0) {
      first_kl_ = kl;
      last_kl_sum_ = 0.0;
    }
    const int64_t reported = std::min(kReportedSteps, options_.steps);
    if (step >= options_.steps - reported) {
      last_kl_sum_ += kl;
    }
    if (step + 1 == options_.steps) {
      progress_.note(fmt::format("layer {} of {}: KL {:.3f} at first, {:.3f} at last",
                                 layer_idx + 1, sparse_.num_hidden_layers, first_kl_,
                                 last_kl_sum_ / static_cast<double>(reported)));
    }
  }

  const SparsifyOptions& options_;
  const base::CancelToken& cancel_;
  Progress& progress_;
  std::string part_;
  formats::CheckpointFiles files_;
  Config dense_;
  Config sparse_;
  HiddenStates hidden_;
  std::vector<nn::Documents> documents_;  // of each row
  double first_kl_ = 0.0;
  double last_kl_sum_ = 0.0;
};

}  // namespace

void sparsify_checkpoint(const SparsifyOptions& options, const base::CancelToken& cancel,
                         Progress& progress) {
  require_new_folder(options.out);
  require_fitting(options);
  write_new_folder(options.out, [&](const std::string& part) {
    Sparsifier(options, cancel, progress, part).run();
  });
  progress.note(fmt::format("done: {}", options.out));
}

}  // namespace levin::train::run
