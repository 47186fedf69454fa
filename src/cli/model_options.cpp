#include "cli/model_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "cli/checks.h"
#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/progress.h"

namespace levin::cli {

void add_attention_option(CLI::App& command, std::string& attention) {
  command
      .add_option("--attention", attention, "auto: as the checkpoint says; dense: read every token")
      ->check(one_of({"auto", "dense", "sparse"}))
      ->capture_default_str()
      ->type_name("auto|dense|sparse");
}

void add_threads_option(CLI::App& command, int& threads) {
  command.add_option("--threads", threads, "threads; 0: one per usable core")
      ->check(whole_number(0, 1024))
      ->capture_default_str()
      ->type_name("N");
}

void add_verbose_flag(CLI::App& command) {
  command.add_flag_callback(
      "-v,--verbose", [] { base::set_log_level(base::LogLevel::kInfo); },
      "log what happens on stderr");
}

void add_loading_options(CLI::App& command, ModelOptions& options) {
  command.add_option("MODEL", options.model_dir, "folder with config.json and weights")
      ->required()
      ->type_name("");
  command
      .add_option("--weights", options.weights,
                  "as-is: read the files' own bytes; int8: re-encode at load")
      ->check(one_of({"as-is", "int8"}))
      ->capture_default_str()
      ->type_name("as-is|int8");
  command
      .add_option("--numerics", options.numerics,
                  "reference: repeat the official kernels' roundings (slow)")
      ->check(one_of({"fast", "reference"}))
      ->capture_default_str()
      ->type_name("fast|reference");
  add_threads_option(command, options.threads);
  add_verbose_flag(command);
}

void add_model_options(CLI::App& command, ModelOptions& options, const DefaultTexts& defaults) {
  constexpr auto kMost = std::numeric_limits<int32_t>::max();
  add_loading_options(command, options);
  add_attention_option(command, options.attention);
  command
      .add_option("--ctx", options.context_tokens,
                  fmt::format("longest context in tokens; default: {}", defaults.context))
      ->check(whole_number(1, kMost))
      ->type_name("N");
  command
      .add_option("--chunk", options.chunk_tokens,
                  fmt::format("prompt tokens per step; default: {}", defaults.chunk))
      ->check(whole_number(1, kMost))
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

model::Config load_config(const ModelOptions& options) {
  require_in_folder(options.model_dir, "config.json", "MODEL");
  model::Config config = model::load_config(options.model_dir);
  if (options.context_tokens > config.max_position_embeddings) {
    base::throw_error(base::ErrorCode::kInvalidArgument, "--ctx",
                      "at most {} tokens expected (max_position_embeddings of the model), got {}",
                      config.max_position_embeddings, options.context_tokens);
  }
  return config;
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
  options.load.cancel = &interrupt_token();
  std::unique_ptr<runtime::Engine> engine = runtime::Engine::load(model_dir, options, update);
  engine->set_cancel(&interrupt_token());
  return engine;
}

}  // namespace levin::cli
