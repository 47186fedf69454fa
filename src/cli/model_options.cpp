#include "cli/model_options.h"

#include <CLI/CLI.hpp>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "cli/interrupt.h"
#include "cli/progress.h"

namespace levin::cli {

void add_threads_option(CLI::App& command, int& threads) {
  command.add_option("--threads", threads, "threads; 0: one per usable core")
      ->check(CLI::Range(0, 1024))
      ->type_name("N");
}

void add_verbose_flag(CLI::App& command, bool& is_verbose) {
  command.add_flag_callback(
      "-v,--verbose",
      [&is_verbose] {
        is_verbose = true;
        base::set_log_level(base::LogLevel::kInfo);
      },
      "log what happens on stderr");
}

void add_loading_options(CLI::App& command, ModelOptions& options) {
  command.add_option("MODEL", options.model_dir, "folder with config.json and weights")
      ->required()
      ->type_name("");
  command
      .add_option("--weights", options.weights,
                  "as-is: read the files' own bytes; int8: re-encode at load")
      ->check(CLI::IsMember({"as-is", "int8"}))
      ->type_name("as-is|int8");
  command
      .add_option("--numerics", options.numerics,
                  "reference: repeat the official kernels' roundings (slow)")
      ->check(CLI::IsMember({"fast", "reference"}))
      ->type_name("fast|reference");
  add_threads_option(command, options.threads);
  add_verbose_flag(command, options.is_verbose);
}

void add_model_options(CLI::App& command, ModelOptions& options) {
  constexpr auto kMost = std::numeric_limits<int32_t>::max();
  add_loading_options(command, options);
  command
      .add_option("--attention", options.attention,
                  "auto: as the checkpoint says; dense: read every token")
      ->check(CLI::IsMember({"auto", "dense", "sparse"}))
      ->type_name("auto|dense|sparse");
  command
      .add_option("--ctx", options.context_tokens,
                  "longest context in tokens; 0: the model's limit")
      ->check(CLI::Range(0, kMost))
      ->type_name("N");
  command.add_option("--chunk", options.chunk_tokens, "prompt tokens per step")
      ->check(CLI::Range(1, kMost))
      ->type_name("N");
}

model::AttentionMode parse_attention(const std::string& name) {
  if (name == "auto") {
    return model::AttentionMode::kAuto;
  }
  if (name == "dense") {
    return model::AttentionMode::kDense;
  }
  if (name == "sparse") {
    return model::AttentionMode::kSparse;
  }
  throw base::Error(base::ErrorCode::kInvalidArgument,
                    "wanted auto, dense or sparse, got \"" + name + "\"", "--attention");
}

runtime::EngineOptions engine_options(const ModelOptions& options) {
  runtime::EngineOptions engine;
  engine.threads = options.threads;
  engine.forward.attention = parse_attention(options.attention);
  engine.forward.numerics =
      options.numerics == "reference" ? model::Numerics::kReference : model::Numerics::kFast;
  engine.load.encoding =
      options.weights == "int8" ? model::WeightEncoding::kInt8 : model::WeightEncoding::kAsIs;
  engine.context_tokens = options.context_tokens;
  if (options.chunk_tokens > 0) {
    engine.chunk_tokens = options.chunk_tokens;
  }
  return engine;
}

std::unique_ptr<runtime::Engine> load_engine(const std::string& model_dir,
                                             runtime::EngineOptions options) {
  Progress bar("loading", ProgressUnit::kBytes);
  const auto update = [&bar](int64_t done_bytes, int64_t total_bytes) {
    bar.update(done_bytes, total_bytes);
  };
  base::FunctionRef<void(int64_t, int64_t)> progress(update);
  options.load.progress = &progress;
  options.load.cancel = &interrupt_token();
  std::unique_ptr<runtime::Engine> engine = runtime::Engine::load(model_dir, options);
  engine->set_cancel(&interrupt_token());
  return engine;
}

std::unique_ptr<runtime::Engine> load_engine(const ModelOptions& options) {
  return load_engine(options.model_dir, engine_options(options));
}

}  // namespace levin::cli
