#include "train/recipe/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "train/recipe/keys.h"

namespace levin::train::recipe {
namespace {

using ::testing::HasSubstr;

constexpr const char* kRecipe = R"([run]
seed = 7

[model]
hidden_size = 128
num_hidden_layers = 2
intermediate_size = 256
num_attention_heads = 4
kv_lora_rank = 64
q_lora_rank = 64
qk_nope_head_dim = 16
qk_rope_head_dim = 16
v_head_dim = 16
max_position_embeddings = 512
[model.rope_scaling]
factor = 4

[indexer]
index_topk = 32

[data]
folder = "data"

[defaults]
row_tokens = 64
tokens_per_step = 256
max_steps = 100
lr = 0.03
[defaults.sample]
document_tokens_max = 65
facts_max = 3

[[stage]]
name = "D1"
stop_accuracy = 0.8
[stage.sample]
copy_share = 0.3
[stage.sample.weights]
value = 3

[[stage]]
name = "W"
kind = "warmup"
row_tokens = 128
decay = "linear"
)";

std::string with(const std::string& line, const std::string& replacement) {
  std::string text = kRecipe;
  const size_t at = text.find(line);
  EXPECT_NE(at, std::string::npos) << line;
  return text.replace(at, line.size(), replacement);
}

/// What parse_recipe says about `text`; empty if nothing.
std::string complaint(const std::string& text, const std::vector<std::string>& overrides = {}) {
  try {
    (void)parse_recipe(text, "r.toml", overrides);
    return "";
  } catch (const base::Error& error) {
    return error.what();
  }
}

TEST(Recipe, ReadsSectionsAndStages) {
  const Recipe recipe = parse_recipe(kRecipe, "r.toml");
  EXPECT_EQ(recipe.run.seed, 7);
  EXPECT_EQ(recipe.model.hidden_size, 128);
  EXPECT_EQ(recipe.model.rope_scaling.factor, 4.0);
  EXPECT_EQ(recipe.indexer.index_topk, 32);
  EXPECT_EQ(recipe.data.folder, "data");
  ASSERT_EQ(recipe.stages.size(), 2U);
  EXPECT_EQ(recipe.stages[0].name, "D1");
  EXPECT_EQ(recipe.stages[0].kind, StageKind::kDense);
  EXPECT_EQ(recipe.stages[0].stop_accuracy, 0.8);
  EXPECT_EQ(recipe.stages[0].sample.stage, "D1");
  EXPECT_EQ(recipe.stages[1].kind, StageKind::kWarmUp);
  EXPECT_EQ(recipe.stages[1].decay, DecayKind::kLinear);
}

TEST(Recipe, LetsStagesInheritFromDefaults) {
  const Recipe recipe = parse_recipe(kRecipe, "r.toml");
  EXPECT_EQ(recipe.stages[0].row_tokens, 64);
  EXPECT_EQ(recipe.stages[1].row_tokens, 128);
  EXPECT_EQ(recipe.stages[1].lr, 0.03);
  EXPECT_EQ(recipe.stages[1].sample.facts_max, 3);
  EXPECT_EQ(recipe.stages[0].sample.copy_share, 0.3);
  EXPECT_EQ(recipe.stages[1].sample.copy_share, 0.0) << "what D1 says of itself holds for D1 alone";
  EXPECT_EQ(recipe.stages[0].sample.weights.value, 3.0F);
  EXPECT_EQ(recipe.stages[1].sample.weights.value, 2.0F);
}

TEST(Recipe, LetsAWarmUpAccumulate) {
  const Recipe recipe = parse_recipe(kRecipe, "r.toml", {"stage.W.accumulation=2"});
  EXPECT_EQ(recipe.stages[1].rows_per_step(), 2);
  EXPECT_EQ(recipe.stages[1].rows_per_part(), 1);
}

TEST(Recipe, OverridesPassTheSameChecks) {
  const Recipe recipe =
      parse_recipe(kRecipe, "r.toml",
                   {"run.seed=9", "model.rope_scaling.factor=2.5", "data.folder=other/place",
                    "stage.D1.sample.facts_max=2", "defaults.lr=1e-3", "stage.W.kind=sparse"});
  EXPECT_EQ(recipe.run.seed, 9);
  EXPECT_EQ(recipe.model.rope_scaling.factor, 2.5);
  EXPECT_EQ(recipe.data.folder, "other/place");
  EXPECT_EQ(recipe.stages[0].sample.facts_max, 2);
  EXPECT_EQ(recipe.stages[1].sample.facts_max, 3);
  EXPECT_EQ(recipe.stages[1].lr, 1e-3);
  EXPECT_EQ(recipe.stages[1].kind, StageKind::kSparse);

  EXPECT_EQ(complaint(kRecipe, {"run.seed=-1"}),
            "--set run.seed=-1: [run] seed is -1, expected a whole number from 0 to 1000000000");
  EXPECT_THAT(complaint(kRecipe, {"run.sed=1"}), HasSubstr("[run] has no key \"sed\""));
  EXPECT_THAT(complaint(kRecipe, {"runs.seed=1"}), HasSubstr("there is no section \"runs\""));
  EXPECT_THAT(complaint(kRecipe, {"stage.D9.lr=1"}),
              HasSubstr("there is no stage \"D9\"; there are: D1, W"));
  EXPECT_THAT(complaint(kRecipe, {"seed=1"}), HasSubstr("expected section.key=value"));
  EXPECT_THAT(complaint(kRecipe, {"stage.D1=1"}), HasSubstr("is not the name of a key"));
  EXPECT_THAT(complaint(kRecipe, {"stage.W.row_tokens=1024"}),
              HasSubstr("stage \"W\": tokens_per_step is 256, expected a multiple"));
}

TEST(Recipe, NamesFileLineKeyAndWhatIsAllowed) {
  EXPECT_EQ(complaint(with("seed = 7", "seed = \"x\"")),
            "r.toml:2: [run] seed is \"x\", expected a whole number from 0 to 1000000000");
  EXPECT_EQ(complaint(with("seed = 7", "seed = 1.5")),
            "r.toml:2: [run] seed is 1.5, expected a whole number from 0 to 1000000000");
  EXPECT_EQ(complaint(with("kind = \"warmup\"", "kind = \"wet\"")),
            "r.toml:43: stage \"W\": kind is \"wet\", expected one of dense, warmup, sparse");
  EXPECT_THAT(complaint(with("seed = 7", "sead = 7")),
              HasSubstr("r.toml:2: [run] has no key \"sead\"; its keys are: seed, "));
  EXPECT_THAT(complaint(with("[run]", "[ran]")), HasSubstr("there is no section \"ran\""));
  EXPECT_THAT(complaint(with("[[stage]]\nname = \"D1\"", "[[stage]]\nname = \"a b\"")),
              HasSubstr("[[stage]] name is \"a b\", expected letters, digits, - and _"));
  EXPECT_THAT(complaint(with("seed = 7", "seed = ")), HasSubstr("r.toml:2: this is not TOML"));
  EXPECT_THAT(complaint(with("seed = 7", "seed = 7\nseed = 8")), HasSubstr("this is not TOML"));
  EXPECT_THAT(complaint(with("[data]\nfolder", "data = 3\n[x]\nfolder")), HasSubstr("r.toml"));
}

TEST(Recipe, RefusesStagesThatContradictThemselves) {
  EXPECT_EQ(complaint(with("tokens_per_step = 256", "tokens_per_step = 100")),
            "r.toml:26: stage \"D1\": tokens_per_step is 100, expected a multiple of row_tokens x "
            "accumulation = 64");
  EXPECT_THAT(complaint(with("row_tokens = 128", "row_tokens = 1024\ntokens_per_step = 1024")),
              HasSubstr("row_tokens is 1024, but [model] max_position_embeddings is 512"));
  EXPECT_THAT(complaint(with("max_steps = 100", "max_steps = 100\nmin_steps = 200")),
              HasSubstr("min_steps is 200, above max_steps 100"));
  EXPECT_THAT(complaint(with("document_tokens_max = 65", "document_tokens_max = 66")),
              HasSubstr("document_tokens_max is 66, but a row of 64 tokens holds 65"));
  EXPECT_THAT(complaint(with("copy_share = 0.3", "copy_share = 0.3\ntext_share = 0.8")),
              HasSubstr("text_share + copy_share is 1.1"));
  EXPECT_THAT(complaint(with("name = \"W\"", "name = \"D1\"")),
              HasSubstr("two stages are called \"D1\""));
  EXPECT_THAT(complaint(with("index_topk = 32", "index_topk = 0")),
              HasSubstr("needs [indexer] index_topk above 0"));
  EXPECT_THAT(complaint(with("hidden_size = 128", "")),
              HasSubstr("[model] hidden_size must be given"));
  EXPECT_THAT(complaint(with("hidden_size = 128", "hidden_size = 128\nparent = \"m\"")),
              HasSubstr("comes from the parent's config.json"));
  EXPECT_THAT(
      complaint(with("stop_accuracy = 0.8", "kind = \"sparse\"") + "[[stage]]\nname = \"E\"\n"),
      HasSubstr("a dense stage cannot follow"));
}

TEST(Recipe, RefusesYarnAndIndexerKeysThatWouldDoNothing) {
  EXPECT_THAT(complaint(with("factor = 4", "beta_fast = 16")),
              HasSubstr("[model.rope_scaling] beta_fast does nothing without a factor above 1"));
  EXPECT_THAT(complaint(with("factor = 4", "factor = 4\noriginal_max_position_embeddings = 100")),
              HasSubstr("max_position_embeddings is 512, but YaRN reaches 400 (factor 4 x "
                        "original_max_position_embeddings 100)"));
  EXPECT_THAT(complaint(with("index_topk = 32", "index_n_heads = 8")),
              HasSubstr("[indexer] needs index_topk, too"));
}

TEST(Recipe, RefusesKeysThatDoNothing) {
  EXPECT_EQ(complaint(with("[defaults]\n", "[defaults]\nname = \"x\"\n")),
            "r.toml:25: [defaults] name does nothing: every [[stage]] has its own; remove it");
  for (const char* key : {"lr", "balance_loss", "answer_loss_scale", "router_bias_speed"}) {
    EXPECT_EQ(
        complaint(with("kind = \"warmup\"", std::string("kind = \"warmup\"\n") + key + " = 1")),
        std::string("r.toml:44: stage \"W\": ") + key +
            " does nothing in a warmup stage; remove it");
    EXPECT_EQ(complaint(kRecipe, {std::string("defaults.") + key + "=1"}), "")
        << "meant for the other stages";
  }
  EXPECT_THAT(complaint(kRecipe, {"stage.D1.indexer_lr=1"}),
              HasSubstr("--set stage.D1.indexer_lr=1: stage \"D1\": indexer_lr does nothing in a"));
  EXPECT_EQ(complaint(kRecipe, {"defaults.max_steps=10"}), "") << "20 is the preset";
  EXPECT_THAT(
      complaint(kRecipe, {"defaults.max_steps=10", "defaults.lr_warmup_steps=10"}),
      HasSubstr("--set defaults.lr_warmup_steps=10: stage \"D1\": lr_warmup_steps is 10, but "
                "the stage ends after max_steps 10"));
  EXPECT_THAT(complaint(with("copy_share = 0.3", "text_share = 1.0")),
              HasSubstr("r.toml:35: stage \"D1\": stop_accuracy does nothing in a stage without"));
  EXPECT_THAT(complaint(kRecipe, {"model.rms_norm_eps=0"}),
              HasSubstr("rms_norm_eps is 0, expected"));
  EXPECT_THAT(complaint(with("kind = \"warmup\"", "kind = \"dense\"")),
              HasSubstr("r.toml:19: [indexer] does nothing without a warmup or sparse stage"));
  EXPECT_THAT(complaint(with("q_lora_rank = 64", "previous_token_heads = 2")),
              HasSubstr("r.toml:10: [model] previous_token_heads needs compressed queries"));
}

TEST(Recipe, ATokenizerOfAModelHasItsOwnSize) {
  EXPECT_EQ(complaint(with("folder = \"data\"",
                           "folder = \"data\"\ntokenizer = \"model\"\nvocab_size = 4096")),
            "r.toml:24: [data] vocab_size is that of the tokenizer; remove it here");
  const Recipe recipe = parse_recipe(kRecipe, "r.toml", {"data.tokenizer=model"});
  EXPECT_EQ(recipe.data.tokenizer, "model");
  const std::string text = recipe_text(recipe);
  EXPECT_EQ(recipe_text(parse_stored_recipe(text, "copy.toml")), text);
  EXPECT_EQ(first_difference(recipe_text(parse_recipe(kRecipe, "r.toml")), text),
            "data.tokenizer: \"\" != \"model\"");
}

TEST(Recipe, ReadsAStoredTextWithKeysThatDoNothing) {
  const Recipe recipe = parse_recipe(kRecipe, "r.toml", {"defaults.max_steps=10"});
  const std::string text = recipe_text(recipe);
  EXPECT_EQ(recipe_text(parse_recipe(text, "copy.toml")), text) << "it gives none";
  std::string older = text;
  older.insert(older.find("row_tokens = 128"), "lr = 0.5\nlr_warmup_steps = 20\n");
  EXPECT_NE(complaint(older), "");
  EXPECT_EQ(first_difference(recipe_text(parse_stored_recipe(older, "old.toml")), text), "");
}

TEST(Recipe, WritesATextThatReadsBackTheSame) {
  const Recipe recipe = parse_recipe(kRecipe, "r.toml", {"defaults.lr=0.1", "run.seed=3"});
  const std::string text = recipe_text(recipe);
  EXPECT_EQ(recipe_text(parse_recipe(text, "copy.toml")), text);
  EXPECT_EQ(first_difference(text, text), "");

  const std::string child =
      "[model]\nparent = \"a \\\"b\\\"\"\n[data]\nfolder = \"d\"\n[[stage]]\nname = \"S\"\n"
      "kind = \"sparse\"\nrow_tokens = 64\ntokens_per_step = 64\nmax_steps = 1\n";
  const std::string child_text = recipe_text(parse_recipe(child, "c.toml"));
  EXPECT_EQ(recipe_text(parse_recipe(child_text, "copy.toml")), child_text);
}

TEST(Recipe, SaysInWhichKeyTwoRecipesDiffer) {
  const std::string text = recipe_text(parse_recipe(kRecipe, "r.toml"));
  const auto changed = [&](const std::string& override_text) {
    return first_difference(text, recipe_text(parse_recipe(kRecipe, "r.toml", {override_text})));
  };
  EXPECT_EQ(changed("run.seed=8"), "run.seed: 7 != 8");
  EXPECT_EQ(changed("stage.W.sample.facts_max=9"), "stage 2.sample.facts_max: 3 != 9");
}

TEST(Recipe, AChecksumOfTheDataThatWasAddedLaterMakesNoOtherRun) {
  const auto text = [](const std::vector<std::string>& overrides) {
    return recipe_text(parse_recipe(kRecipe, "r.toml", overrides));
  };
  const std::string without = text({});
  const std::string with = text({"data.manifest_sha256=ab"});
  EXPECT_EQ(first_difference(without, with), "");
  EXPECT_EQ(first_difference(with, without), "");
  EXPECT_EQ(first_difference(with, text({"data.manifest_sha256=cd"})),
            "data.manifest_sha256: \"ab\" != \"cd\"");

  std::string older = without;  // of a version that does not know the key
  const std::string line = "manifest_sha256 = \"\"\n";
  older.erase(older.find(line), line.size());
  EXPECT_EQ(first_difference(without, older), "");
}

TEST(Recipe, DescribesEveryKey) {
  for (const KeyDescription& key : describe_keys()) {
    EXPECT_FALSE(key.meaning.empty()) << key.key;
    EXPECT_THAT(keys_help(), HasSubstr(key.key));
    EXPECT_THAT(keys_markdown(), HasSubstr("| `" + key.key + "` | `" + key.preset + "` |"));
  }
}

}  // namespace
}  // namespace levin::train::recipe
