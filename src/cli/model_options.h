// Options that every command with a model takes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "model/config.h"
#include "model/forward.h"
#include "runtime/engine.h"

namespace CLI {
class App;
}

namespace levin::cli {

struct ModelOptions {
  std::string model_dir;
  std::string attention = "auto";
  std::string weights = "as-is";
  std::string numerics = "fast";
  int threads = 0;
  int64_t context_tokens = 0;
  int64_t chunk_tokens = 0;  ///< 0: the command's own choice
};

/// What a command takes if --ctx and --chunk are not given, for its help text.
struct DefaultTexts {
  const char* context;
  const char* chunk;
};

/// MODEL, --attention, --weights, --numerics, --threads, --ctx, --chunk and -v.
void add_model_options(CLI::App& command, ModelOptions& options, const DefaultTexts& defaults);

/// MODEL, --weights, --numerics, --threads and -v: for commands that choose attention, context or
/// chunks in ways of their own.
void add_loading_options(CLI::App& command, ModelOptions& options);

/// --attention auto|dense|sparse.
void add_attention_option(CLI::App& command, std::string& attention);
/// --threads N.
void add_threads_option(CLI::App& command, int& threads);
/// -v: log lines of level info.
void add_verbose_flag(CLI::App& command);

/// "auto", "dense" or "sparse".
[[nodiscard]] model::AttentionMode parse_attention(const std::string& name);

/// The model's config. Throws as require_in_folder and model::load_config do, and
/// Error(kInvalidArgument) for a --ctx beyond the model's limit.
[[nodiscard]] model::Config load_config(const ModelOptions& options);

[[nodiscard]] runtime::EngineOptions engine_options(const ModelOptions& options);

/// Loads the model with progress on stderr; Ctrl-C stops loading and, later, the steps.
[[nodiscard]] std::unique_ptr<runtime::Engine> load_engine(const std::string& model_dir,
                                                           runtime::EngineOptions options);

}  // namespace levin::cli
