// levin synth, and inspect and bench on what it wrote.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "cli/levin_process.h"
#include "formats/temporary_folder.h"

namespace levin::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr int64_t kMaxBytes = int64_t{1} << 30;

std::string tiny_config() { return test_data("configs/tiny.json"); }

TEST(Synth, BytesDependOnTheSeedAndNotOnThreads) {
  const TemporaryFolder folder;
  const auto make = [&](const std::string& name, const std::string& threads,
                        const std::string& seed) {
    const ProcessResult result = run_levin(
        {"synth", tiny_config(), "--out", folder.file(name), "--threads", threads, "--seed", seed});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return base::read_file(folder.file(name) + "/model.safetensors", kMaxBytes);
  };
  const std::string one = make("one", "1", "7");
  EXPECT_EQ(one, make("three", "3", "7"));
  EXPECT_NE(one, make("other", "1", "8"));
}

TEST(Synth, SaysWhatItOverrode) {
  const TemporaryFolder folder;
  const ProcessResult result =
      run_levin({"synth", tiny_config(), "--out", folder.file("m"), "--dtype", "bf16", "--set",
                 "index_topk=32", "--set", "rope_scaling.factor=2"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("index_topk: 64 -> 32\nrope_scaling.factor: 4 -> 2\n"));
  EXPECT_THAT(result.out, HasSubstr("quantization_config: {"));
  const json config = json::parse(base::read_file(folder.file("m") + "/config.json", kMaxBytes));
  EXPECT_EQ(config.at("index_topk"), 32);
  EXPECT_FALSE(config.contains("quantization_config"));
}

TEST(Synth, UnknownKeysAndWrongTypesAreRefused) {
  const TemporaryFolder folder;
  const auto run = [&](const std::string& assignment) {
    return run_levin({"synth", tiny_config(), "--out", folder.file("m"), "--set", assignment});
  };
  const ProcessResult unknown = run("index_top=32");
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("--set index_top: the config has no such key"));
  EXPECT_THAT(run("index_topk=many").err, HasSubstr("wanted an integer, got many"));
  EXPECT_THAT(run("index_topk").err, HasSubstr("wanted key=value"));
  EXPECT_FALSE(std::filesystem::exists(folder.file("m")));
}

TEST(Synth, ImpossibleOverridesAreBlamedOnTheOverride) {
  const TemporaryFolder folder;
  const auto run = [&](const std::vector<std::string>& sets) {
    std::vector<std::string> words = {"synth", tiny_config(), "--out", folder.file("m")};
    for (const std::string& set : sets) {
      words.insert(words.end(), {"--set", set});
    }
    return run_levin(words);
  };
  const ProcessResult zero = run({"vocab_size=0"});
  EXPECT_EQ(zero.exit_code, 2);
  EXPECT_THAT(zero.err, HasSubstr("error: --set vocab_size=0: "));
  EXPECT_THAT(zero.err, HasSubstr("vocab_size is 0, expected a whole number from 1"));
  const ProcessResult two = run({"index_topk=32", "n_routed_experts=7"});
  EXPECT_EQ(two.exit_code, 2);
  EXPECT_THAT(two.err, HasSubstr("error: --set index_topk=32 --set n_routed_experts=7: "));
  EXPECT_FALSE(std::filesystem::exists(folder.file("m")));
}

TEST(Synth, NamelessFolderIsRefused) {
  const ProcessResult result = run_levin({"synth", tiny_config(), "--out", ""});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("--out: is empty; name a folder"));
}

TEST(Synth, DoesNotOverwriteACheckpointUnlessTold) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_levin({"synth", tiny_config(), "--out", folder.path()}).exit_code, 0);
  const ProcessResult again = run_levin({"synth", tiny_config(), "--out", folder.path()});
  EXPECT_EQ(again.exit_code, 6);
  EXPECT_THAT(again.err, HasSubstr("already holds a checkpoint"));
  EXPECT_EQ(run_levin({"synth", tiny_config(), "--out", folder.path(), "--force"}).exit_code, 0);
}

TEST(Synth, ACheckpointStaysWhereTheDiskHasNoRoomForItsSuccessor) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_levin({"synth", tiny_config(), "--out", folder.path()}).exit_code, 0);
  const std::string weights = base::read_file(folder.file("model.safetensors"), kMaxBytes);
  const ProcessResult result = run_levin(  // 6.8 PB
      {"synth", tiny_config(), "--out", folder.path(), "--force", "--dtype", "bf16", "--set",
       "hidden_size=1048576", "--set", "intermediate_size=1048576", "--set",
       "num_hidden_layers=1024", "--set", "first_k_dense_replace=1024"});
  EXPECT_EQ(result.exit_code, 6);
  EXPECT_THAT(result.err, HasSubstr("the disk has room for "));
  EXPECT_EQ(base::read_file(folder.file("model.safetensors"), kMaxBytes), weights);
  EXPECT_TRUE(std::filesystem::exists(folder.file("config.json")));
}

TEST(Synth, UnwritableFolderIsAnIoError) {
  const ProcessResult result = run_levin({"synth", tiny_config(), "--out", "/proc/nowhere"});
  EXPECT_EQ(result.exit_code, 6);
  EXPECT_THAT(result.err, HasSubstr("/proc/nowhere: cannot make the folder"));
}

TEST(Synth, InspectAndBenchReadAShardedCheckpoint) {
  const TemporaryFolder folder;
  const ProcessResult synth =
      run_levin({"synth", tiny_config(), "--out", folder.path(), "--shard-gb", "0.001", "--json",
                 "--set", "n_routed_experts=16"});
  ASSERT_EQ(synth.exit_code, 0) << synth.err;
  EXPECT_GT(json::parse(synth.out).at("files"), 1);

  const ProcessResult inspect = run_levin({"inspect", folder.path(), "--json"});
  ASSERT_EQ(inspect.exit_code, 0) << inspect.err;
  const json report = json::parse(inspect.out);
  EXPECT_EQ(report.at("parameters"), json::parse(synth.out).at("parameters"));
  EXPECT_EQ(report.at("contexts").size(), 3U);
  EXPECT_EQ(report.at("contexts")[1].at("verdict"), "beyond the model's context");
  EXPECT_EQ(report.at("attention"), "sparse");
  EXPECT_THAT(run_levin({"inspect", folder.path()}).out, HasSubstr("routed experts"));

  const ProcessResult bench =
      run_levin({"bench", folder.path(), "--depth", "0,256", "--attention", "dense,sparse",
                 "--chunk", "32", "--decode", "2", "--repetitions", "1", "--json"});
  ASSERT_EQ(bench.exit_code, 0) << bench.err;
  const json rows = json::parse(bench.out).at("rows");
  ASSERT_EQ(rows.size(), 4U);
  for (const json& row : rows) {
    EXPECT_GT(row.at("prefill_tokens_per_s").at("median"), 0.0);
    EXPECT_GT(row.at("decode_ms").at("median"), 0.0);
  }
  EXPECT_EQ(rows[3].at("attention"), "sparse");
  EXPECT_EQ(rows[3].at("latent_rows_read"), 2 * 64);  // layers x index_topk
}

TEST(Synth, InspectForecastsADenseReadingWithoutTheIndexersMemory) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_levin({"synth", tiny_config(), "--out", folder.path()}).exit_code, 0);
  const auto forecast = [&](const char* attention) {
    const ProcessResult inspect =
        run_levin({"inspect", folder.path(), "--attention", attention, "--json"});
    EXPECT_EQ(inspect.exit_code, 0) << inspect.err;
    const json report = json::parse(inspect.out);
    EXPECT_EQ(report.at("attention"), std::string(attention) == "dense" ? "dense" : "sparse");
    return report.at("contexts")[0];
  };
  const json automatic = forecast("auto");
  const json sparse = forecast("sparse");
  const json dense = forecast("dense");
  for (const char* part : {"cache_bytes", "activation_bytes"}) {
    EXPECT_EQ(automatic.at(part), sparse.at(part)) << part;
    EXPECT_LT(dense.at(part), sparse.at(part)) << part;
  }
}

TEST(Synth, InspectReadsAModelWithoutExperts) {
  const TemporaryFolder folder;
  const ProcessResult synth = run_levin(
      {"synth", tiny_config(), "--out", folder.path(), "--set", "n_routed_experts=0", "--json"});
  ASSERT_EQ(synth.exit_code, 0) << synth.err;
  const ProcessResult inspect = run_levin({"inspect", folder.path(), "--json"});
  ASSERT_EQ(inspect.exit_code, 0) << inspect.err;
  const json report = json::parse(inspect.out);
  EXPECT_EQ(report.at("parameters"), json::parse(synth.out).at("parameters"));
  for (const json& component : report.at("components")) {
    EXPECT_NE(component.at("name"), "routed experts");
  }
  EXPECT_THAT(run_levin({"inspect", folder.path()}).out, HasSubstr("experts       none"));
}

/// The GLM indexer (interleaved rotation, bf16 keys, selections that layers share) from config to
/// tokens: the same ones for any chunk, and others than dense attention gives.
TEST(Synth, ASmallGlmMoeDsaGenerates) {
  const TemporaryFolder folder;
  json config = json::parse(base::read_file(test_data("config/glm_moe_dsa.json"), kMaxBytes));
  config.update(
      {{"hidden_size", 128},       {"num_hidden_layers", 4},   {"first_k_dense_replace", 1},
       {"num_attention_heads", 4}, {"q_lora_rank", 64},        {"kv_lora_rank", 64},
       {"qk_nope_head_dim", 32},   {"qk_rope_head_dim", 16},   {"qk_head_dim", 48},
       {"v_head_dim", 32},         {"intermediate_size", 256}, {"moe_intermediate_size", 64},
       {"n_routed_experts", 8},    {"num_experts_per_tok", 2}, {"index_n_heads", 4},
       {"index_head_dim", 32},     {"index_topk", 16},         {"index_topk_pattern", "FSSF"},
       {"vocab_size", 320},        {"eos_token_id", {1}},      {"num_nextn_predict_layers", 0}});
  std::ofstream(folder.file("config.json")) << config;
  const ProcessResult synth =
      run_levin({"synth", folder.file("config.json"), "--out", folder.file("m")});
  ASSERT_EQ(synth.exit_code, 0) << synth.err;
  std::string ids;
  for (int i = 0; i < 200; ++i) {
    ids += std::to_string(2 + i * 37 % 300) + " ";
  }
  const auto generate = [&](const std::string& attention, const std::string& chunk) {
    const ProcessResult result =
        run_levin({"generate", folder.file("m"), "--tokens", "-", "--max-tokens", "12",
                   "--ignore-eos", "--attention", attention, "--chunk", chunk, "--json"},
                  ids);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return json::parse(result.out);
  };
  const json whole = generate("sparse", "256");
  EXPECT_EQ(whole.at("generated_tokens"), 12);
  EXPECT_LT(whole.at("share_of_context_read"), 0.5);
  EXPECT_EQ(generate("sparse", "7").at("tokens"), whole.at("tokens"));
  const json dense = generate("dense", "256");
  EXPECT_EQ(dense.at("share_of_context_read"), 1.0);
  EXPECT_NE(dense.at("tokens"), whole.at("tokens"));
}

TEST(Bench, DepthBeyondTheModelIsRefused) {
  const ProcessResult result = run_levin({"bench", mini_model(), "--depth", "16384"});
  EXPECT_EQ(result.exit_code, 8);
  EXPECT_THAT(result.err, HasSubstr("the model's limit is 16384"));
}

}  // namespace
}  // namespace levin::testing
