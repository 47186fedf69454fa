// levin logits: logits of every position, for comparison with other implementations.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "cli/checks.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/model_options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "eval/logits_run.h"
#include "model/config.h"
#include "model/forward.h"

namespace levin::cli {
namespace {

struct LogitsCommand {
  ModelOptions model;
  std::string tokens_path;
  std::string out_path;
  std::vector<std::string> dumps;
  int64_t decode_from = -1;  ///< below 0: no decode steps
  bool as_json = false;
};

/// What to run, checked against the model as `forward` runs it.
eval::LogitsOptions run_options(const LogitsCommand& options, const model::Config& config,
                                const model::ForwardOptions& forward) {
  constexpr int64_t kDefaultChunkTokens = 512;
  eval::LogitsOptions run;
  run.chunk_tokens =
      options.model.chunk_tokens > 0 ? options.model.chunk_tokens : kDefaultChunkTokens;
  if (options.decode_from >= 0) {
    run.decode_from = options.decode_from;
  }
  for (const std::string& dump : options.dumps) {
    run.dumps.has_hidden |= dump == "hidden";
    run.dumps.has_indexer |= dump == "indexer";
    run.dumps.has_topk |= dump == "topk";
    run.dumps.has_router |= dump == "router";
  }
  if (run.dumps.has_indexer && !model::runs_indexer(config, forward)) {
    if (config.is_sparse()) {
      throw base::Error(base::ErrorCode::kInvalidArgument,
                        "the indexer does not run under --attention dense; leave out one of the "
                        "two",
                        "--dump indexer");
    }
    base::log_warning("{}: the model has no indexer, its scores are left out",
                      options.model.model_dir);
  }
  return run;
}

void run_logits(const LogitsCommand& options) {
  const model::Config config = load_config(options.model);
  if (options.out_path.empty()) {
    throw base::Error(base::ErrorCode::kInvalidArgument, "is empty; name a file", "--out");
  }
  runtime::EngineOptions engine_settings = engine_options(options.model);
  const eval::LogitsOptions run = run_options(options, config, engine_settings.forward);
  base::require_writable(options.out_path);
  const std::vector<int32_t> tokens = read_token_ids(options.tokens_path, config.vocab_size);
  const auto total = static_cast<int64_t>(tokens.size());
  const int64_t limit = options.model.context_tokens > 0 ? options.model.context_tokens
                                                         : config.max_position_embeddings;
  if (total > limit) {
    base::throw_error(base::ErrorCode::kContextTooLong, "--tokens",
                      "{} tokens do not fit into the context of {}", total, limit);
  }
  engine_settings.context_tokens = total;
  const auto engine = load_engine(options.model.model_dir, engine_settings);
  Progress bar("running", ProgressUnit::kTokens);
  eval::write_logits(*engine, tokens, run, options.out_path,
                     [&](int64_t done_tokens) { bar.update(done_tokens, total); });
  bar.finish();
  if (options.as_json) {
    write_json({{"out", options.out_path}, {"tokens", total}, {"vocab_size", config.vocab_size}});
  } else {
    write_output(fmt::format("{}: logits of {} tokens\n", options.out_path, total));
  }
}

}  // namespace

void add_logits_command(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<LogitsCommand>();
  CLI::App* command =
      app.add_subcommand("logits", "Write the logits of every position of a token sequence");
  add_model_options(*command, options->model, {.context = "the model's limit", .chunk = "512"});
  command
      ->add_option("--tokens", options->tokens_path,
                   "safetensors with I64 `tokens`, or text with ids (\"-\": stdin)")
      ->required()
      ->type_name("FILE");
  command->add_option("--out", options->out_path, "safetensors to write")
      ->required()
      ->type_name("FILE");
  command->add_option("--dump", options->dumps, "also write what the layers computed")
      ->allow_extra_args(false)
      ->delimiter(',')
      ->check(one_of({"hidden", "indexer", "topk", "router"}))
      ->type_name("hidden,indexer,topk,router");
  command
      ->add_option("--decode-from", options->decode_from,
                   "feed the tokens from this position on one at a time")
      ->check(whole_number(0, std::numeric_limits<int64_t>::max()))
      ->type_name("K");
  command->add_flag("--json", options->as_json, "report as JSON");
  command->footer(
      "\nExample:\n  levin tokenize models/mini < README.md > ids.txt\n"
      "  levin logits models/mini --tokens ids.txt --out logits.safetensors --numerics reference");
  command->callback(
      [options, &invocation] { invocation.run = [options] { run_logits(*options); }; });
}

}  // namespace levin::cli
