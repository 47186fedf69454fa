#include "train/run/parent_checks.h"

#include <tuple>

#include "base/error.h"

namespace levin::train::run {
namespace {

using base::ErrorCode;
using base::throw_error;
using model::Config;
using model::RopeScaling;
using recipe::RopeScalingSettings;

/// Positions that YaRN makes of the original ones.
int64_t reach(const RopeScaling& scaling) {
  return static_cast<int64_t>(scaling.factor *
                              static_cast<double>(scaling.original_max_position_embeddings));
}

void require_same_yarn(const recipe::Recipe& recipe, const RopeScaling& parent) {
  const RopeScalingSettings& given = recipe.model.rope_scaling;
  const std::tuple<const char*, double, double> keys[] = {
      {"beta_fast", given.beta_fast, parent.beta_fast},
      {"beta_slow", given.beta_slow, parent.beta_slow},
      {"mscale", given.mscale, parent.mscale},
      {"mscale_all_dim", given.mscale_all_dim, parent.mscale_all_dim}};
  for (const auto& [key, value, wanted] : keys) {
    if (value != wanted) {
      throw_error(ErrorCode::kInvalidArgument, recipe.path,
                  "[model.rope_scaling] {} is {}, the parent was trained with {}; give that", key,
                  value, wanted);
    }
  }
  if (given.factor < parent.factor) {
    throw_error(ErrorCode::kInvalidArgument, recipe.path,
                "[model.rope_scaling] factor is {}, the parent's is {}; give at least that",
                given.factor, parent.factor);
  }
}

void set_yarn(const recipe::Recipe& recipe, Config& config) {
  const RopeScalingSettings& given = recipe.model.rope_scaling;
  RopeScaling& scaling = config.rope_scaling;
  const int64_t original =
      scaling.is_yarn ? scaling.original_max_position_embeddings : config.max_position_embeddings;
  if (given.original_max_position_embeddings != original) {
    throw_error(ErrorCode::kInvalidArgument, recipe.path,
                "[model.rope_scaling] original_max_position_embeddings is {}, the parent was "
                "trained with {} before any scaling; give that",
                given.original_max_position_embeddings, original);
  }
  if (scaling.is_yarn) {
    require_same_yarn(recipe, scaling);
  }
  scaling = {.is_yarn = true,
             .factor = given.factor,
             .beta_fast = given.beta_fast,
             .beta_slow = given.beta_slow,
             .mscale = given.mscale,
             .mscale_all_dim = given.mscale_all_dim,
             .original_max_position_embeddings = original};
}

}  // namespace

void extend_context(const recipe::Recipe& recipe, Config& config) {
  const recipe::ModelSettings& settings = recipe.model;
  const int64_t parents = config.max_position_embeddings;
  if (settings.rope_scaling.factor > 1.0) {
    set_yarn(recipe, config);
    config.max_position_embeddings = reach(config.rope_scaling);
  }
  if (settings.max_position_embeddings > 0) {
    config.max_position_embeddings = settings.max_position_embeddings;
  }
  if (config.max_position_embeddings < parents) {
    throw_error(ErrorCode::kInvalidArgument, recipe.path,
                "[model] max_position_embeddings would be {}, the parent's is {}; give at least "
                "that",
                config.max_position_embeddings, parents);
  }
  if (config.rope_scaling.is_yarn && config.max_position_embeddings > parents &&
      config.max_position_embeddings > reach(config.rope_scaling)) {
    throw_error(ErrorCode::kInvalidArgument, recipe.path,
                "[model] max_position_embeddings is {}, but YaRN reaches {} (factor {} x {}); give "
                "[model.rope_scaling] a larger factor",
                config.max_position_embeddings, reach(config.rope_scaling),
                config.rope_scaling.factor, config.rope_scaling.original_max_position_embeddings);
  }
  for (const recipe::StageSettings& stage : recipe.stages) {
    if (stage.row_tokens > config.max_position_embeddings) {
      throw_error(ErrorCode::kInvalidArgument, recipe.path,
                  "stage \"{}\": row_tokens is {}, but the parent's context is {}; extend it with "
                  "[model.rope_scaling]",
                  stage.name, stage.row_tokens, config.max_position_embeddings);
    }
  }
}

void require_same_indexer(const recipe::Recipe& recipe, const Config& config) {
  const recipe::IndexerSettings& given = recipe.indexer;
  if (!config.is_sparse() || given.index_topk == 0) {
    return;
  }
  const std::tuple<const char*, int64_t, int64_t> keys[] = {
      {"index_n_heads", given.index_n_heads, config.indexer.index_n_heads},
      {"index_head_dim", given.index_head_dim, config.indexer.index_head_dim},
      {"index_topk", given.index_topk, config.indexer.index_topk}};
  for (const auto& [key, value, parents] : keys) {
    if (value != parents) {
      throw_error(ErrorCode::kInvalidArgument, recipe.path,
                  "[indexer] {} is {}, the parent has an indexer with {}; remove [indexer], or "
                  "start from a dense parent",
                  key, value, parents);
    }
  }
}

}  // namespace levin::train::run
