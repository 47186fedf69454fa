#include "train/recipe/keys.h"

namespace levin::train::recipe {
namespace {

constexpr double kMaxRowTokens = 1 << 24;
constexpr double kMaxSteps = 1e9;

ChoiceAccess<StageSettings> kind_access() {
  return {{"dense", "warmup", "sparse"},
          [](const StageSettings& s) { return static_cast<size_t>(s.kind); },
          [](StageSettings& s, size_t idx) { s.kind = static_cast<StageKind>(idx); }};
}

ChoiceAccess<StageSettings> optimizer_access() {
  return {{"muon", "adamw"},
          [](const StageSettings& s) { return static_cast<size_t>(s.optimizer); },
          [](StageSettings& s, size_t idx) { s.optimizer = static_cast<OptimizerKind>(idx); }};
}

ChoiceAccess<StageSettings> decay_access() {
  return {{"constant", "linear", "cosine"},
          [](const StageSettings& s) { return static_cast<size_t>(s.decay); },
          [](StageSettings& s, size_t idx) { s.decay = static_cast<DecayKind>(idx); }};
}

}  // namespace

const std::vector<Key<StageSettings>>& stage_keys() {
  using S = StageSettings;
  static const std::vector<Key<S>> keys = {
      {"name", &S::name, "letters, digits, - and _; names its checkpoint and --set"},
      {"kind", kind_access(),
       "dense: everything learns, full attention; warmup: only the indexer learns; sparse: "
       "everything learns on the indexer's selection"},
      {"row_tokens", &S::row_tokens, "length of a packed row", 2, kMaxRowTokens},
      {"tokens_per_step", &S::tokens_per_step,
       "tokens between two updates: a multiple of row_tokens x accumulation", 2, kMaxRowTokens},
      {"accumulation", &S::accumulation,
       "parts of a step, computed one after the other to save memory", 1, 65536},
      {"max_steps", &S::max_steps, "the stage ends after so many", 1, kMaxSteps},
      {"min_steps", &S::min_steps, "it does not end before, whatever the accuracy", 0, kMaxSteps},
      {"stop_accuracy", &S::stop_accuracy,
       "it ends once the running mean of the values' accuracy is above; 0: never", 0, 1},
      {"stop_memory", &S::stop_memory, "running mean = this x old + (1 - this) x new", 0, 0.9999},
      {"optimizer", optimizer_access(), "of the hidden matrices; all else takes AdamW"},
      {"lr", &S::lr, "learning rate of the hidden matrices", 0, 10},
      {"adamw_lr", &S::adamw_lr, "of embedding, head, norms and router", 0, 10},
      {"indexer_lr", &S::indexer_lr, "of the indexer (warmup, sparse)", 0, 10},
      {"weight_decay", &S::weight_decay, "of the hidden matrices", 0, 10},
      {"muon_momentum", &S::muon_momentum, "Muon", 0, 0.9999},
      {"beta1", &S::beta1, "AdamW", 0, 0.9999},
      {"beta2", &S::beta2, "AdamW", 0, 0.99999},
      {"lr_warmup_steps", &S::lr_warmup_steps, "the rate rises linearly over the first steps", 0,
       kMaxSteps},
      {"decay", decay_access(), "how the rate falls at the end of the stage"},
      {"decay_share", &S::decay_share, "share of max_steps over which it falls", 0, 1},
      {"decay_floor", &S::decay_floor, "share of the rate at the end", 0, 1},
      {"clip_norm", &S::clip_norm, "gradients are scaled to this norm at most; 0: never", 0, 1e9},
      {"answer_loss_scale", &S::answer_loss_scale,
       "loss = mean over text + this x mean over answers and copies", 0, 1000},
      {"router_bias_speed", &S::router_bias_speed,
       "step of the experts' bias after each update (balance without a loss)", 0, 1},
      {"balance_loss", &S::balance_loss, "factor of the sequence-wise balance loss", 0, 10},
  };
  return keys;
}

const std::vector<Key<data::SampleSpec>>& sample_keys() {
  using S = data::SampleSpec;
  static const std::vector<Key<S>> keys = {
      {"document_tokens_min", &S::document_tokens_min,
       "shortest document; of the lengths every doubling comes equally often", 8, kMaxRowTokens},
      {"document_tokens_max", &S::document_tokens_max, "longest document", 8, kMaxRowTokens},
      {"text_share", &S::text_share, "documents of prose alone", 0, 1},
      {"copy_share", &S::copy_share, "documents that repeat a random segment", 0, 1},
      {"facts_min", &S::facts_min, "facts in a look-up document", 1, 4096},
      {"facts_max", &S::facts_max, "facts in a look-up document", 1, 4096},
      {"questions_max", &S::questions_max, "as many as fit", 1, 4096},
      {"second_wording_share", &S::second_wording_share, "facts as \"NAME's ATTRIBUTE is VALUE.\"",
       0, 1},
      {"carrier_share", &S::carrier_share, "facts behind a phrase", 0, 1},
      {"question_variety", &S::question_variety, "questions in other phrases", 0, 1},
      {"relation_share", &S::relation_share, "facts whose value is a name", 0, 1},
      {"two_hop_share", &S::two_hop_share, "of the questions that can go over a relation", 0, 1},
      {"name_reuse_share", &S::name_reuse_share, "facts about a name that has one already", 0, 1},
      {"one_kind_share", &S::one_kind_share, "documents with numbers or words alone as values", 0,
       1},
      {"plain_share", &S::plain_share, "documents without chat markers", 0, 1},
      {"document_first_share", &S::document_first_share,
       "chats with the document before the first user marker", 0, 1},
      {"paragraph_share", &S::paragraph_share, "prose with its paragraph breaks", 0, 1},
  };
  return keys;
}

}  // namespace levin::train::recipe
