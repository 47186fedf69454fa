// The one forward pass: a step takes chunks of several sequences through every layer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kernels/context.h"
#include "kernels/kv_layout.h"
#include "model/config.h"
#include "model/selection_rule.h"
#include "model/weights.h"
#include "tensor/buffer.h"

namespace levin::model {

using kernels::Numerics;

/// Which tokens attention reads: what the checkpoint says (kAuto), all of them although the
/// checkpoint has an indexer (kDense), or the indexer's selection (kSparse, an error without one).
/// Under a pattern (ForwardOptions::selection) kAuto and kSparse read the pattern's.
enum class AttentionMode { kAuto, kDense, kSparse };

enum class LogitsWanted { kNone, kLast, kAll };

/// Consecutive tokens of one sequence. A decode step is a chunk of one token with `is_decode`, and
/// tokens of an answer whose rows are computed again may come together; the algebraic form of
/// attention depends on the position and on this flag, never on the length.
struct Chunk {
  std::span<const int32_t> tokens;
  int64_t first_pos = 0;
  bool is_decode = false;
  /// The sequence reads its whole context, also where the model reads selections. Its index keys
  /// are written all the same, so that no page of a cache has unspecified parts.
  bool is_dense = false;
  /// Page table of the sequence, covering positions [0, first_pos + tokens.size()).
  std::byte* const* pages = nullptr;
  LogitsWanted logits = LogitsWanted::kLast;
};

/// What a step may record on request, row by row of the step's tokens.
struct LayerTrace {
  tensor::Tensor<float, 2> hidden;        // [tokens, hidden_size] residual stream after the layer
  tensor::Tensor<float, 2> attn_out;      // [tokens, hidden_size] output of the attention block
  tensor::Tensor<float, 2> index_scores;  // [tokens, kv_tokens], 0 where not visible
  std::vector<std::vector<int32_t>> selected;  // [tokens] positions read, ascending
  std::vector<float> mass_kept;  // [tokens] attention_mass.h; kMassNotMeasured where it was not
  tensor::Tensor<int32_t, 2> router_ids;    // [tokens, num_experts_per_tok]
  tensor::Tensor<float, 2> router_weights;  // [tokens, num_experts_per_tok]
};

/// Entry of LayerTrace::mass_kept.
inline constexpr float kMassNotMeasured = -1.0F;

struct Trace {
  bool wants_hidden = false;    ///< hidden and attn_out
  bool wants_indexer = false;   ///< index_scores; one chunk a step only, empty if that is dense
  bool wants_selected = false;  ///< selected
  bool wants_router = false;    ///< router_ids, router_weights
  int64_t mass_stride = 0;      ///< mass_kept of positions divisible by this; 0: of none
  std::vector<LayerTrace> layers;
};

/// Values that replace the model's own, so that a layer can be tested alone.
struct ForcedDecisions {
  /// Per layer: residual stream before the layer [tokens, hidden_size]; empty: the model's own.
  /// Layer 0 always starts from the embedding.
  std::vector<tensor::TensorView<const float, 2>> hidden;
  /// Per layer and token: positions that attention reads, ascending; empty: the model's own.
  std::vector<std::vector<std::vector<int32_t>>> selected;
  /// Per layer: expert ids [tokens, num_experts_per_tok]; empty: the model's own. Dense layers
  /// ignore their entry.
  std::vector<tensor::TensorView<const int32_t, 2>> router_ids;
};

/// Counters of the last step.
struct StepStats {
  int64_t latent_rows_read = 0;     ///< rows of the cache that attention cores read, all layers
  int64_t visible_rows = 0;         ///< rows that dense attention would have read
  int64_t index_keys_scored = 0;    ///< query-key pairs that the indexer scored, all layers
  int64_t index_keys_selected = 0;  ///< those of them that attention may read

  StepStats& operator+=(const StepStats& other) noexcept;
};

/// Where the last step's time went, by a steady clock; all 0 unless ForwardOptions asks.
struct StepTime {
  double indexer_s = 0;  ///< index keys, index queries and the selection, all layers
  double attention_s =
      0;               ///< reading the rows, with W^UK and W^UV of the absorbed form, all layers
  double total_s = 0;  ///< the step

  StepTime& operator+=(const StepTime& other) noexcept;
};

struct ForwardOptions {
  Numerics numerics = Numerics::kFast;
  AttentionMode attention = AttentionMode::kAuto;
  /// What takes the place of the indexer's index_topk best, for evaluation; not with kDense.
  SelectionRule selection = {};
  /// Reference numerics only: round the latent, and the activations that meet FP8 matrices, through
  /// FP8 as the official code does. Without both, the function that fast numerics approximate.
  bool fp8_latent = true;
  bool fp8_activations = true;
  bool measures_time = false;  ///< last_step_time is wanted
};

/// True if queries beyond the budget (index_topk, or that of a rule) read a selection.
/// Throws Error(kInvalidArgument) for kSparse without an indexer, and for a pattern that has no
/// budget because the checkpoint has no index_topk.
[[nodiscard]] bool reads_selection(const Config& config, const ForwardOptions& options);

/// True if that selection is the indexer's. Throws as reads_selection.
[[nodiscard]] bool runs_indexer(const Config& config, const ForwardOptions& options);

/// Positions that a query reads at most, where it reads a selection.
[[nodiscard]] int64_t selection_budget(const Config& config, const SelectionRule& rule) noexcept;

/// Layout of the cache pages that a forward pass reads and writes. Throws as reads_selection.
[[nodiscard]] kernels::KvLayout kv_layout(const Config& config, const ForwardOptions& options);

class Transformer {
 public:
  /// `config`, `weights` and `ctx` outlive the transformer.
  /// Throws Error(kInvalidArgument) for kSparse without an indexer.
  Transformer(const Config& config, const Weights& weights, kernels::Context& ctx,
              const ForwardOptions& options);
  ~Transformer();
  Transformer(const Transformer&) = delete;
  Transformer& operator=(const Transformer&) = delete;

  [[nodiscard]] const Config& config() const noexcept;
  /// Layout of the cache pages that chunks bring.
  [[nodiscard]] const kernels::KvLayout& kv_layout() const noexcept;
  /// True if queries beyond index_topk read a selection.
  [[nodiscard]] bool is_sparse() const noexcept;

  /// Runs one step. Writes the tokens' cache rows; `logits` becomes [rows, vocab_size], the wanted
  /// rows in the order of the chunks. Token ids and positions must be in range (kInvalidArgument).
  /// A row's bits depend on its sequence alone, not on chunk lengths, batch mates or threads.
  /// Throws Error(kCancelled) if the pool's cancel token is set; the cache rows of the step's
  /// tokens are then unspecified.
  void forward(std::span<const Chunk> chunks, tensor::Tensor<float, 2>& logits,
               Trace* trace = nullptr, const ForcedDecisions* forced = nullptr);

  [[nodiscard]] const StepStats& last_step() const noexcept;
  [[nodiscard]] const StepTime& last_step_time() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace levin::model
