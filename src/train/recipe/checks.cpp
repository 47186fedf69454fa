#include "train/recipe/checks.h"

#include <fmt/format.h>

#include <set>
#include <string_view>

#include "base/error.h"
#include "train/recipe/keys.h"
#include "train/recipe/toml_table.h"

namespace levin::train::recipe {
namespace {

class Checker {
 public:
  Checker(const Recipe& recipe, const KeyPlaces& places) : recipe_(recipe), places_(places) {}

  void run() {
    check_model();
    check_indexer();
    if (recipe_.stages.empty()) {
      fail("stage", "a recipe needs at least one [[stage]]");
    }
    for (const StageSettings& stage : recipe_.stages) {
      check_stage(stage);
    }
    check_order();
  }

 private:
  [[noreturn]] void fail(const std::string& key, const std::string& message) const {
    fail_at(recipe_, places_, key, message);
  }

  [[noreturn]] void fail_stage(const StageSettings& stage, const std::string& key,
                               const std::string& message) const {
    fail_stage_at(recipe_, places_, stage, key, message);
  }

  void check_model() const {
    const ModelSettings& model = recipe_.model;
    if (!model.parent.empty()) {
      check_parent();
    } else {
      const std::pair<const char*, int64_t> needed[] = {
          {"hidden_size", model.hidden_size},
          {"num_hidden_layers", model.num_hidden_layers},
          {"intermediate_size", model.intermediate_size},
          {"num_attention_heads", model.num_attention_heads},
          {"kv_lora_rank", model.kv_lora_rank},
          {"qk_nope_head_dim", model.qk_nope_head_dim},
          {"qk_rope_head_dim", model.qk_rope_head_dim},
          {"v_head_dim", model.v_head_dim},
          {"max_position_embeddings", model.max_position_embeddings}};
      for (const auto& [key, value] : needed) {
        if (value == 0) {
          fail("model." + std::string(key),
               fmt::format("[model] {} must be given and above 0 (or name a parent)", key));
        }
      }
    }
    if (model.previous_token_heads > model.num_attention_heads) {
      fail("model.previous_token_heads",
           fmt::format("[model] previous_token_heads is {}, but there are {} num_attention_heads",
                       model.previous_token_heads, model.num_attention_heads));
    }
    if (model.previous_token_heads > 0 && model.q_lora_rank == 0) {
      fail("model.previous_token_heads",
           "[model] previous_token_heads needs compressed queries; give q_lora_rank");
    }
    check_rope_scaling();
    if (recipe_.data.folder.empty()) {
      fail("data.folder", "[data] folder must name the folder that `levin-train data build` wrote");
    }
    if (!recipe_.data.tokenizer.empty() && places_.contains("data.vocab_size")) {
      fail("data.vocab_size", "[data] vocab_size is that of the tokenizer; remove it here");
    }
  }

  void check_rope_scaling() const {
    const RopeScalingSettings& scaling = recipe_.model.rope_scaling;
    if (scaling.factor == 1.0) {
      for (const Key<RopeScalingSettings>& key : rope_scaling_keys()) {
        if (value_text(key, scaling) != value_text(key, RopeScalingSettings{})) {
          fail(
              fmt::format("model.rope_scaling.{}", key.name),
              fmt::format("[model.rope_scaling] {} does nothing without a factor above 1; give one",
                          key.name));
        }
      }
      return;
    }
    const double reach =
        scaling.factor * static_cast<double>(scaling.original_max_position_embeddings);
    if (static_cast<double>(recipe_.model.max_position_embeddings) > reach) {
      fail(
          "model.max_position_embeddings",
          fmt::format("[model] max_position_embeddings is {}, but YaRN reaches {:.0f} (factor {} x "
                      "original_max_position_embeddings {}); raise the factor",
                      recipe_.model.max_position_embeddings, reach, scaling.factor,
                      scaling.original_max_position_embeddings));
    }
  }

  void check_indexer() const {
    for (const char* key : {"indexer.index_n_heads", "indexer.index_head_dim"}) {
      if (places_.contains(key) && !places_.contains("indexer.index_topk")) {
        fail(key, "[indexer] needs index_topk, too: the tokens that the sparse model selects");
      }
    }
  }

  void check_parent() const {
    constexpr std::string_view kModel = "model.";
    for (const auto& [place_key, place] : places_) {
      if (!place_key.starts_with(kModel) || place_key.starts_with("model.rope_scaling.")) {
        continue;
      }
      const std::string key = place_key.substr(kModel.size());
      if (!is_allowed_beside_parent(key)) {
        fail(place_key,
             fmt::format("[model] {} comes from the parent's config.json; remove it here", key));
      }
    }
  }

  void check_stage(const StageSettings& stage) const {
    const int64_t part = stage.row_tokens * stage.accumulation;
    if (stage.row_tokens == 0 || stage.tokens_per_step == 0 || stage.max_steps == 0) {
      fail_stage(stage, "name", "row_tokens, tokens_per_step and max_steps must be given");
    }
    if (stage.tokens_per_step % part != 0) {
      fail_stage(stage, "tokens_per_step",
                 fmt::format("tokens_per_step is {}, expected a multiple of row_tokens x "
                             "accumulation = {}",
                             stage.tokens_per_step, part));
    }
    if (recipe_.model.max_position_embeddings > 0 &&
        stage.row_tokens > recipe_.model.max_position_embeddings) {
      fail_stage(stage, "row_tokens",
                 fmt::format("row_tokens is {}, but [model] max_position_embeddings is {}",
                             stage.row_tokens, recipe_.model.max_position_embeddings));
    }
    if (stage.min_steps > stage.max_steps) {
      fail_stage(
          stage, "min_steps",
          fmt::format("min_steps is {}, above max_steps {}", stage.min_steps, stage.max_steps));
    }
    if (stage.kind == StageKind::kWarmUp && stage.stop_accuracy > 0.0) {
      fail_stage(stage, "stop_accuracy",
                 "a warmup stage has no accuracy to stop at; leave stop_accuracy 0");
    }
    check_sample(stage);
  }

  void check_sample(const StageSettings& stage) const {
    const data::SampleSpec& sample = stage.sample;
    if (sample.document_tokens_min > sample.document_tokens_max) {
      fail_stage(stage, "sample.document_tokens_min",
                 fmt::format("document_tokens_min is {}, above document_tokens_max {}",
                             sample.document_tokens_min, sample.document_tokens_max));
    }
    if (sample.document_tokens_max > stage.row_tokens + 1) {
      fail_stage(stage, "sample.document_tokens_max",
                 fmt::format("document_tokens_max is {}, but a row of {} tokens holds {}",
                             sample.document_tokens_max, stage.row_tokens, stage.row_tokens + 1));
    }
    if (sample.facts_min > sample.facts_max) {
      fail_stage(
          stage, "sample.facts_min",
          fmt::format("facts_min is {}, above facts_max {}", sample.facts_min, sample.facts_max));
    }
    if (sample.text_share + sample.copy_share > 1.0) {
      fail_stage(stage, "sample.copy_share",
                 fmt::format("text_share + copy_share is {}, expected at most 1",
                             sample.text_share + sample.copy_share));
    }
  }

  void check_order() const {
    std::set<std::string> names;
    bool is_sparse = false;
    for (const StageSettings& stage : recipe_.stages) {
      if (!names.insert(stage.name).second) {
        fail(fmt::format("stage.{}.name", stage.name),
             fmt::format("two stages are called \"{}\"", stage.name));
      }
      const bool needs_indexer = stage.kind != StageKind::kDense;
      if (is_sparse && !needs_indexer) {
        fail_stage(stage, "kind", "a dense stage cannot follow a warmup or sparse stage");
      }
      is_sparse = is_sparse || needs_indexer;
      const bool adds_indexer = recipe_.indexer.index_topk > 0;
      if (needs_indexer && !adds_indexer && recipe_.model.parent.empty()) {
        fail_stage(stage, "kind",
                   "a warmup or sparse stage needs [indexer] index_topk above 0, or a parent with "
                   "an indexer");
      }
    }
  }

  const Recipe& recipe_;
  const KeyPlaces& places_;
};

}  // namespace

void fail_at(const Recipe& recipe, const KeyPlaces& places, const std::string& key,
             const std::string& message) {
  const auto place = places.find(key);
  const std::string where = place == places.end() ? recipe.path : place->second;
  throw base::Error(code_for(where), message, where);
}

void fail_stage_at(const Recipe& recipe, const KeyPlaces& places, const StageSettings& stage,
                   const std::string& key, const std::string& message) {
  const std::string own = fmt::format("stage.{}.{}", stage.name, key);
  fail_at(recipe, places, places.contains(own) ? own : "defaults." + key,
          fmt::format("stage \"{}\": {}", stage.name, message));
}

void check_recipe(const Recipe& recipe, const KeyPlaces& places) { Checker(recipe, places).run(); }

}  // namespace levin::train::recipe
