// Memory in use against what was predicted, and memory while weights are re-encoded.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>

#include "base/memory_info.h"
#include "eval/inspect_report.h"
#include "eval/synth_checkpoint.h"
#include "formats/temporary_folder.h"
#include "model/weights.h"
#include "runtime/engine.h"

namespace levin::eval {
namespace {

constexpr int64_t kMiB = int64_t{1} << 20;

// Sanitizers keep shadow memory of their own.
#ifdef LEVIN_SANITIZED
constexpr bool kMeasuresOnlyOurs = false;
#else
constexpr bool kMeasuresOnlyOurs = true;
#endif

const std::string kTiny = std::string(LEVIN_TEST_DATA) + "/configs/tiny.json";

/// The model of `make demo` for long documents: every layer has experts.
const std::string kSpeedModel = std::string(LEVIN_SOURCE_DIR) + "/tools/demo/speed_model.json";

std::string write_model(const levin::testing::TemporaryFolder& folder,
                        const std::string& config_path, const std::vector<std::string>& overrides) {
  SynthOptions options;
  options.config_path = config_path;
  options.out_dir = folder.file("model");
  options.overrides = overrides;
  base::ThreadPool pool(2);
  write_synthetic_checkpoint(options, pool, [](int64_t, int64_t) {});
  return options.out_dir;
}

struct Trial {
  const char* name;
  std::string config_path;
  std::vector<std::string> overrides;
  model::Numerics numerics;
  model::AttentionMode attention;
  int64_t chunk_tokens;
  int64_t context_tokens;
};

std::ostream& operator<<(std::ostream& out, const Trial& trial) { return out << trial.name; }

/// Wide enough that what is counted in bytes is far above what a program holds anyway.
const Trial kTrials[] = {
    {"FastSparse",
     kTiny,
     {"hidden_size=1024", "num_attention_heads=16", "qk_nope_head_dim=64", "v_head_dim=64",
      "intermediate_size=1536", "moe_intermediate_size=512", "index_topk=512"},
     model::Numerics::kFast,
     model::AttentionMode::kSparse,
     2048,
     4096},
    {"FastDense",
     kTiny,
     {"hidden_size=1024", "num_attention_heads=16", "qk_nope_head_dim=64", "v_head_dim=64",
      "intermediate_size=1536", "moe_intermediate_size=512"},
     model::Numerics::kFast,
     model::AttentionMode::kDense,
     2048,
     4096},
    {"FastSparseSmallChunks",
     kTiny,
     {"num_hidden_layers=6", "index_topk=512"},
     model::Numerics::kFast,
     model::AttentionMode::kSparse,
     64,
     4096},
    {"Reference",
     kTiny,
     {"num_attention_heads=32", "qk_nope_head_dim=64", "v_head_dim=64", "index_topk=128"},
     model::Numerics::kReference,
     model::AttentionMode::kSparse,
     1024,
     4096},
    {"OnlyExperts",
     kTiny,
     {"hidden_size=1024", "num_attention_heads=16", "qk_nope_head_dim=64", "v_head_dim=64",
      "intermediate_size=8192", "moe_intermediate_size=512", "first_k_dense_replace=0"},
     model::Numerics::kFast,
     model::AttentionMode::kSparse,
     2048,
     4096},
    {"OnlyDenseLayers",
     kTiny,
     {"hidden_size=1024", "num_attention_heads=16", "qk_nope_head_dim=64", "v_head_dim=64",
      "intermediate_size=1536", "moe_intermediate_size=4096", "first_k_dense_replace=2"},
     model::Numerics::kFast,
     model::AttentionMode::kSparse,
     2048,
     4096},
    {"SpeedModelAt32K",
     kSpeedModel,
     {},
     model::Numerics::kFast,
     model::AttentionMode::kSparse,
     2048,
     32768},
    {"SpeedModelAt64K",
     kSpeedModel,
     {},
     model::Numerics::kFast,
     model::AttentionMode::kSparse,
     2048,
     65536},
    {"SpeedModelAt32KSmallChunks",
     kSpeedModel,
     {},
     model::Numerics::kFast,
     model::AttentionMode::kSparse,
     512,
     32768},
};

class MemorySlow : public ::testing::TestWithParam<Trial> {};

TEST_P(MemorySlow, InUseIsWithinFivePercentOfWhatInspectPredicts) {
  if (!kMeasuresOnlyOurs) {
    GTEST_SKIP() << "a sanitizer holds memory too";
  }
  const Trial& trial = GetParam();
  const levin::testing::TemporaryFolder folder;
  const std::string dir = write_model(folder, trial.config_path, trial.overrides);
  runtime::EngineOptions options;
  options.threads = 2;
  options.forward.numerics = trial.numerics;
  options.forward.attention = trial.attention;
  options.chunk_tokens = trial.chunk_tokens;
  options.context_tokens = trial.context_tokens;
  const InspectReport report =
      inspect_checkpoint(dir, model::load_config(dir), options, {trial.context_tokens});
  const MemoryFit& fit = report.fits[0];
  const auto engine = runtime::Engine::load(dir, options);

  runtime::Request request;
  for (int64_t i = 0; i < trial.context_tokens - 4; ++i) {
    request.prompt.push_back(static_cast<int32_t>(2 + (i * 37) % 300));
  }
  (void)engine->submit(request);
  while (engine->has_work()) {
    (void)engine->step();
  }
  const int64_t in_use = base::process_memory().anonymous_bytes;
  const double ratio = static_cast<double>(in_use) / static_cast<double>(fit.anonymous_bytes);
  fmt::print("| {:27} | predicted {:6.1f} MiB | in use {:6.1f} MiB | {:+.1f} % |\n", trial.name,
             static_cast<double>(fit.anonymous_bytes) / kMiB, static_cast<double>(in_use) / kMiB,
             100.0 * (ratio - 1.0));
  EXPECT_NEAR(ratio, 1.0, 0.05);
}

INSTANTIATE_TEST_SUITE_P(Trials, MemorySlow, ::testing::ValuesIn(kTrials),
                         [](const auto& named) { return std::string(named.param.name); });

TEST(MemoryOfInt8, NeverMuchMoreThanOneCopyOfTheWeightsWhileLoading) {
  if (!kMeasuresOnlyOurs) {
    GTEST_SKIP() << "a sanitizer holds memory too";
  }
  const levin::testing::TemporaryFolder folder;
  const std::string dir = write_model(
      folder, kTiny, {"hidden_size=1024", "intermediate_size=4096", "moe_intermediate_size=1024"});
  const model::Config config = model::load_config(dir);
  base::ThreadPool pool(2);
  const int64_t before = base::process_memory().anonymous_bytes;
  int64_t peak = before;
  auto watch = [&](int64_t, int64_t) {
    peak = std::max(peak, base::process_memory().anonymous_bytes);
  };
  const auto weights =
      model::Weights::load(dir, config, pool, {.encoding = model::WeightEncoding::kInt8}, watch);
  const int64_t largest_tensor = config.intermediate_size * config.hidden_size;  // int8
  fmt::print("| copies {:.1f} MiB | peak {:.1f} MiB |\n",
             static_cast<double>(weights->copied_bytes) / kMiB,
             static_cast<double>(peak - before) / kMiB);
  EXPECT_GT(weights->copied_bytes, 8 * largest_tensor);
  EXPECT_LE(peak - before, weights->copied_bytes + largest_tensor + 2 * kMiB);
}

}  // namespace
}  // namespace levin::eval
