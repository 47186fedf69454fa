#include "train/recipe/idle_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>

#include "train/recipe/keys.h"

namespace levin::train::recipe {
namespace {

/// A warm-up trains the indexer alone, towards the attention: no language loss, no experts.
constexpr std::string_view kIdleInWarmUp[] = {
    "optimizer",     "lr",          "adamw_lr",          "weight_decay",      "min_steps",
    "muon_momentum", "stop_memory", "answer_loss_scale", "router_bias_speed", "balance_loss"};

bool is_idle_in_kind(StageKind kind, std::string_view key) {
  switch (kind) {
    case StageKind::kDense:
      return key == "indexer_lr";
    case StageKind::kWarmUp:
      return std::ranges::find(kIdleInWarmUp, key) != std::end(kIdleInWarmUp);
    case StageKind::kSparse:
      return false;
  }
  return false;
}

void check_indexer(const Recipe& recipe, const KeyPlaces& places) {
  const IndexerSettings& indexer = recipe.indexer;
  const bool has_use = std::ranges::any_of(
      recipe.stages, [](const StageSettings& stage) { return stage.kind != StageKind::kDense; });
  if (indexer.index_topk > 0 && !has_use) {
    fail_at(recipe, places, "indexer.index_topk",
            "[indexer] does nothing without a warmup or sparse stage; remove it or add such a "
            "stage");
  }
  for (const Key<IndexerSettings>& key : indexer_keys()) {
    if (indexer.index_topk == 0 && value_text(key, indexer) != value_text(key, IndexerSettings{})) {
      fail_at(recipe, places, fmt::format("indexer.{}", key.name),
              fmt::format("[indexer] {} does nothing while index_topk is 0; remove it or give "
                          "index_topk",
                          key.name));
    }
  }
}

void check_stage_keys(const Recipe& recipe, const KeyPlaces& places, const StageSettings& stage) {
  for (const Key<StageSettings>& key : stage_keys()) {
    const std::string place = fmt::format("stage.{}.{}", stage.name, key.name);
    if (is_idle_in_kind(stage.kind, key.name) && places.contains(place)) {
      fail_stage_at(recipe, places, stage, std::string(key.name),
                    fmt::format("{} does nothing in a {} stage; remove it", key.name,
                                stage.kind == StageKind::kDense ? "dense" : "warmup"));
    }
  }
  const std::string key = "lr_warmup_steps";
  const bool is_given = places.contains(fmt::format("stage.{}.{}", stage.name, key)) ||
                        places.contains("defaults." + key);
  if (is_given && stage.lr_warmup_steps > 0 && stage.lr_warmup_steps >= stage.max_steps) {
    fail_stage_at(recipe, places, stage, key,
                  fmt::format("lr_warmup_steps is {}, but the stage ends after max_steps {}: the "
                              "rate would rise to its end; give fewer",
                              stage.lr_warmup_steps, stage.max_steps));
  }
  if (stage.stop_accuracy > 0.0 && stage.sample.text_share + stage.sample.copy_share >= 1.0) {
    fail_stage_at(recipe, places, stage, "stop_accuracy",
                  "stop_accuracy does nothing in a stage without look-up documents (text_share + "
                  "copy_share is 1); leave stop_accuracy 0");
  }
}

}  // namespace

bool is_idle(const StageSettings& stage, std::string_view key) {
  const StageSettings preset;
  const bool is_preset_of_longer_stages = key == "lr_warmup_steps" &&
                                          stage.lr_warmup_steps == preset.lr_warmup_steps &&
                                          stage.lr_warmup_steps >= stage.max_steps;
  return is_idle_in_kind(stage.kind, key) || is_preset_of_longer_stages;
}

void check_idle_keys(const Recipe& recipe, const KeyPlaces& places) {
  if (places.contains("defaults.name")) {
    fail_at(recipe, places, "defaults.name",
            "[defaults] name does nothing: every [[stage]] has its own; remove it");
  }
  check_indexer(recipe, places);
  for (const StageSettings& stage : recipe.stages) {
    check_stage_keys(recipe, places, stage);
  }
}

}  // namespace levin::train::recipe
