// levin perplexity: how well a model predicts a text.

#include "eval/perplexity.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/model_options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "text/tokenizer.h"

namespace levin::cli {
namespace {

struct PerplexityCommand {
  ModelOptions model;
  std::string file;
  bool as_json = false;
};

void run_perplexity(const PerplexityCommand& options) {
  const model::Config config = load_config(options.model);
  require_in_folder(options.model.model_dir, "tokenizer.json", "MODEL");
  const text::Tokenizer tokenizer = text::Tokenizer::load(options.model.model_dir);
  const std::string text = read_text(options.file);
  if (text.empty()) {
    throw base::Error(base::ErrorCode::kInvalidArgument, "the text is empty", "--file");
  }
  const text::Encoding encoding = tokenizer.encode(
      text, {.add_bos = tokenizer.bos_id().has_value(), .match_added_tokens = false});
  warn_about_replacements(encoding.replacements, input_name(options.file));
  const auto total = static_cast<int64_t>(encoding.ids.size());

  constexpr int64_t kDefaultWindowTokens = 2048;
  eval::PerplexityOptions run;
  run.window_tokens = options.model.context_tokens > 0
                          ? options.model.context_tokens
                          : std::min({kDefaultWindowTokens, config.max_position_embeddings, total});
  run.bos_id = tokenizer.bos_id();
  if (options.model.chunk_tokens > 0) {
    run.chunk_tokens = options.model.chunk_tokens;
  }
  eval::check_perplexity_options(run, total);
  runtime::EngineOptions settings = engine_options(options.model);
  settings.context_tokens = run.window_tokens;
  const auto engine = load_engine(options.model.model_dir, settings);
  Progress bar("scoring", ProgressUnit::kTokens);
  const eval::PerplexityResult result = eval::measure_perplexity(
      *engine, encoding.ids, run, [&](int64_t done_tokens) { bar.update(done_tokens, total); });
  bar.finish();
  if (options.as_json) {
    write_json({{"perplexity", result.perplexity},
                {"standard_error", result.standard_error},
                {"mean_nll", result.mean_nll},
                {"scored_tokens", result.scored_tokens},
                {"windows", result.windows},
                {"window_tokens", run.window_tokens}});
  } else {
    write_output(fmt::format(
        "perplexity {:.4f} +/- {:.4f} ({} tokens scored in {} windows of {})\n", result.perplexity,
        result.standard_error, result.scored_tokens, result.windows, run.window_tokens));
  }
}

}  // namespace

void add_perplexity_command(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<PerplexityCommand>();
  CLI::App* command = app.add_subcommand("perplexity", "Measure how well a model predicts a text");
  add_model_options(*command, options->model,
                    {.context = "2048, or the model's limit or the text's length if that is less",
                     .chunk = "256"});
  command->add_option("--file", options->file, "the text (\"-\": stdin)")
      ->required()
      ->type_name("FILE");
  command->add_flag("--json", options->as_json, "report as JSON");
  command->footer(
      "\nAs llama-perplexity: windows of --ctx tokens that do not overlap; the\n"
      "second half of each is scored.\n\nExample:\n"
      "  levin perplexity models/mini --file models/mini/demo/document.txt --ctx 1024");
  command->callback(
      [options, &invocation] { invocation.run = [options] { run_perplexity(*options); }; });
}

}  // namespace levin::cli
