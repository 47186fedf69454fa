// levin eval: look-ups, perplexity and attention mass of a checkpoint under several selection
// rules.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "cli/checks.h"
#include "cli/commands.h"
#include "cli/eval_output.h"
#include "cli/input.h"
#include "cli/model_options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "eval/answer_journal.h"
#include "eval/compare_rules.h"
#include "eval/eval_report.h"
#include "eval/eval_run.h"
#include "kernels/context.h"
#include "kernels/op_table.h"
#include "model/forward.h"
#include "runtime/cache_identity.h"
#include "runtime/engine.h"
#include "runtime/page_key.h"
#include "text/chat_style.h"
#include "text/tokenizer.h"

namespace levin::cli {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;

struct EvalCommand {
  ModelOptions model;
  std::string questions;
  std::string text;
  std::string baseline;
  std::string heat_maps;
  std::string answers;
  std::string journal;
  std::vector<std::string> rules;
  std::vector<int64_t> lengths;
  int64_t limit = 0;
  int64_t windows = 0;
  int64_t budget = 0;
  uint64_t seed = 1;
  bool as_json = false;
};

/// A checkpoint with what its tokenizer makes of the tasks.
struct Checkpoint {
  ModelOptions options;
  model::Config config;
  text::Tokenizer tokenizer;
  eval::EvalTasks tasks;
};

/// What is asked, before any tokenizer has seen it.
struct EvalInput {
  std::vector<eval::LookupDocument> documents;
  std::string text;
  int64_t window_tokens = 0;
  int64_t budget = 0;
};

/// The rules to run: as asked for, or dense and, where there is an indexer, sparse.
std::vector<std::string> chosen_rules(const EvalCommand& options, const model::Config& config) {
  if (options.rules.empty()) {
    return config.is_sparse() ? std::vector<std::string>{"dense", "sparse"}
                              : std::vector<std::string>{"dense"};
  }
  for (size_t i = 0; i < options.rules.size(); ++i) {
    const auto end = options.rules.begin() + static_cast<int64_t>(i);
    if (std::find(options.rules.begin(), end, options.rules[i]) != end) {
      base::throw_error(ErrorCode::kInvalidArgument, "--compare", "{} is named twice",
                        options.rules[i]);
    }
  }
  return options.rules;
}

void check_options(const EvalCommand& options) {
  if (options.questions.empty() && options.text.empty()) {
    throw base::Error(ErrorCode::kInvalidArgument,
                      "nothing to evaluate; name --questions, --text or both");
  }
  for (const auto& [value, name] :
       {std::pair(&options.heat_maps, "--heat-maps"), std::pair(&options.answers, "--answers"),
        std::pair(&options.journal, "--journal")}) {
    if (!value->empty() && options.questions.empty()) {
      throw base::Error(ErrorCode::kInvalidArgument, "needs look-up questions: add --questions",
                        name);
    }
  }
}

EvalInput read_input(const EvalCommand& options, const model::Config& config) {
  EvalInput input;
  input.budget = options.budget > 0 ? options.budget : config.indexer.index_topk;
  if (!options.questions.empty()) {
    input.documents = eval::choose_lookups(eval::read_lookup_file(options.questions),
                                           options.lengths, options.limit);
  }
  if (!options.text.empty()) {
    constexpr int64_t kDefaultWindowTokens = 2048;
    input.text = read_text(options.text);
    input.window_tokens = options.model.context_tokens > 0
                              ? options.model.context_tokens
                              : std::min(std::max(kDefaultWindowTokens, 4 * input.budget),
                                         config.max_position_embeddings);
  }
  return input;
}

Checkpoint prepare(const EvalCommand& options, const ModelOptions& model, const EvalInput& input) {
  require_in_folder(model.model_dir, "tokenizer.json", "MODEL");
  Checkpoint checkpoint{model, load_config(model), text::Tokenizer::load(model.model_dir),
                        eval::EvalTasks{}};
  eval::EvalTasks& tasks = checkpoint.tasks;
  tasks.documents = input.documents;
  tasks.budget = input.budget;
  tasks.lookups = eval::encode_lookups(
      checkpoint.tokenizer, text::choose_chat_style(model.model_dir, checkpoint.tokenizer),
      input.documents);
  if (tasks.lookups.context_tokens > checkpoint.config.max_position_embeddings) {
    base::throw_error(ErrorCode::kContextTooLong, options.questions,
                      "the longest prompt and its answer take {} tokens, the context of {} holds "
                      "{}; choose shorter ones with --lengths",
                      tasks.lookups.context_tokens, model.model_dir,
                      checkpoint.config.max_position_embeddings);
  }
  if (input.window_tokens > 0) {
    tasks.text = eval::make_text_task(checkpoint.tokenizer, input.text, input.window_tokens,
                                      options.windows, options.text);
  }
  return checkpoint;
}

/// What answers depend on besides their prompts: this program, the rule, the checkpoint's content
/// and everything that decides the bits of the engine's cache.
std::string contestant_key(const std::string& model_dir, const std::string& rule, int64_t budget,
                           runtime::Engine& engine, const runtime::EngineOptions& settings) {
  const std::string state = runtime::cache_identity(
      runtime::model_digest(model_dir), engine.config(), settings.forward, settings.load.encoding,
      engine.transformer().kv_layout(), engine.context().table().name);
  const std::string tokenizer =
      base::read_regular_file(model_dir + "/tokenizer.json", text::kMaxTokenizerBytes);
  return fmt::format("{}, budget {}; levin {}, {}", rule, budget, LEVIN_VERSION,
                     runtime::sha256(state + tokenizer).hex());
}

/// While a document is read no answer comes.
std::string reading_note(const eval::EvalProgress& progress) {
  return progress.read_tokens < progress.document_tokens
             ? fmt::format("reading: token {} of {}", progress.read_tokens,
                           progress.document_tokens)
             : "";
}

eval::Contestant run_rule(const Checkpoint& checkpoint, const std::string& rule,
                          const std::string& name, const EvalCommand& options,
                          eval::AnswerJournal* journal) {
  runtime::EngineOptions settings = engine_options(checkpoint.options);
  settings.forward = eval::with_rule(settings.forward, rule, options.budget, options.seed);
  settings.context_tokens = checkpoint.tasks.context_tokens();
  settings.cache_bytes =
      eval::lookup_cache_bytes(checkpoint.tasks.lookups, settings.context_tokens,
                               model::kv_layout(checkpoint.config, settings.forward).page_bytes());
  const auto engine = load_engine(checkpoint.options.model_dir, settings);
  std::optional<eval::EvalStage> stage;
  std::optional<Progress> bar;
  eval::ContestantJournal kept{.journal = journal, .contestant = {}};
  if (journal != nullptr) {
    kept.contestant = contestant_key(checkpoint.options.model_dir, rule, checkpoint.tasks.budget,
                                     *engine, settings);
  }
  return eval::run_contestant(*engine, checkpoint.tokenizer, checkpoint.tasks, name, kept,
                              [&](const eval::EvalProgress& now) {
                                if (now.stage != stage) {
                                  stage = now.stage;
                                  bar.emplace(fmt::format("{}: {}", name, stage_name(now.stage)),
                                              now.stage == eval::EvalStage::kLookups
                                                  ? ProgressUnit::kQuestions
                                                  : ProgressUnit::kTokens);
                                }
                                bar->set_note(reading_note(now));
                                bar->update(now.done, now.total);
                              });
}

/// Places that are written at the end are tried before the work.
void prepare_output(const EvalCommand& options) {
  for (const std::string* file : {&options.answers, &options.journal}) {
    if (!file->empty()) {
      base::require_writable(*file);
    }
  }
  if (!options.heat_maps.empty()) {
    std::error_code error;
    fs::create_directories(options.heat_maps, error);
    if (error || !fs::is_directory(options.heat_maps)) {
      base::throw_error(ErrorCode::kIo, options.heat_maps, "cannot make this folder: {}",
                        error ? error.message() : "something else has its name");
    }
    base::require_writable(options.heat_maps + "/x.svg");
  }
}

void run_eval(const EvalCommand& options) {
  check_options(options);
  const model::Config config = load_config(options.model);
  const std::vector<std::string> rules = chosen_rules(options, config);
  for (const std::string& rule : rules) {  // what cannot run is refused before anything does
    (void)model::reads_selection(config, eval::with_rule({}, rule, options.budget, options.seed));
  }
  const EvalInput input = read_input(options, config);
  const Checkpoint checkpoint = prepare(options, options.model, input);
  std::optional<Checkpoint> baseline;
  if (!options.baseline.empty()) {
    ModelOptions model = options.model;
    model.model_dir = options.baseline;
    baseline = prepare(options, model, input);
  }
  prepare_output(options);
  EvalOutput output{.model = options.model.model_dir,
                    .baseline = options.baseline,
                    .budget = input.budget,
                    .seed = options.seed,
                    .documents = input.documents,
                    .contestants = {}};
  std::optional<eval::AnswerJournal> journal;
  if (!options.journal.empty()) {
    journal.emplace(options.journal);
  }
  eval::AnswerJournal* const kept = journal.has_value() ? &*journal : nullptr;
  for (const std::string& rule : rules) {
    output.contestants.push_back(run_rule(checkpoint, rule, rule, options, kept));
  }
  if (baseline.has_value()) {
    const std::string folder = fs::path(options.baseline).lexically_normal().filename().string();
    output.contestants.push_back(
        run_rule(*baseline, "dense", fmt::format("{} (dense)", folder), options, kept));
    output.contestants.back().is_baseline = true;
  }
  if (!options.answers.empty()) {
    base::write_file_atomically(options.answers, answer_lines(output));
  }
  if (!options.heat_maps.empty()) {
    write_heat_maps(output, options.heat_maps);
  }
  const std::vector<eval::ReportRow> rows =
      eval::make_report(input.documents, output.contestants, input.budget);
  if (options.as_json) {
    write_json(report_json(output, rows));
  } else {
    write_output(eval::report_table(rows));
  }
}

void add_input_options(CLI::App& command, EvalCommand& options) {
  constexpr auto kMost = std::numeric_limits<int32_t>::max();
  command
      .add_option("--questions", options.questions,
                  "look-up questions (JSON lines of `levin-train data questions`)")
      ->type_name("FILE");
  command
      .add_option("--text", options.text, "held-out text for perplexity and mass (\"-\": stdin)")
      ->type_name("FILE");
  command.add_option("--lengths", options.lengths, "of the questions, only these; default: all")
      ->allow_extra_args(false)
      ->delimiter(',')
      ->check(whole_number(1, kMost))
      ->type_name("N,...");
  command
      .add_option("--limit", options.limit,
                  "questions of each wording, number of hops and length at most; 0: all")
      ->check(whole_number(0, kMost))
      ->capture_default_str()
      ->type_name("N");
  command
      .add_option("--ctx", options.model.context_tokens,
                  "window of the text in tokens; default: 2048 or 4 times the budget")
      ->check(whole_number(4, kMost))
      ->type_name("N");
  command.add_option("--windows", options.windows, "windows of the text at most; 0: all")
      ->check(whole_number(0, kMost))
      ->capture_default_str()
      ->type_name("N");
}

void add_rule_options(CLI::App& command, EvalCommand& options) {
  command
      .add_option("--compare", options.rules,
                  "rules that choose what is read; the others are compared with the first")
      ->allow_extra_args(false)
      ->delimiter(',')
      ->check(one_of(eval::compare_rule_names()))
      ->type_name("dense,sparse,...");
  command
      .add_option("--baseline", options.baseline,
                  "another model, run dense on the same questions and text")
      ->type_name("MODEL");
  command
      .add_option("--budget", options.budget,
                  "tokens that every rule but dense reads; 0: the model's index_topk")
      ->check(whole_number(0, std::numeric_limits<int32_t>::max()))
      ->capture_default_str()
      ->type_name("N");
  command.add_option("--seed", options.seed, "of the rule random")
      ->check(whole_number(0, std::numeric_limits<int64_t>::max()))
      ->capture_default_str()
      ->type_name("N");
}

void add_output_options(CLI::App& command, EvalCommand& options) {
  command
      .add_option("--heat-maps", options.heat_maps,
                  "folder for accuracy by length and depth, one SVG a rule and kind of question")
      ->type_name("DIR");
  command.add_option("--answers", options.answers, "write every answer, as JSON lines")
      ->type_name("FILE");
  command
      .add_option("--journal", options.journal,
                  "keep answers here as they come; the same call after an interruption goes on")
      ->type_name("FILE");
  command.add_flag("--json", options.as_json, "report as JSON");
}

}  // namespace

void add_eval_command(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<EvalCommand>();
  CLI::App* command = app.add_subcommand(
      "eval", "Measure look-ups, perplexity and attention mass under several selection rules");
  add_loading_options(*command, options->model);
  add_input_options(*command, *options);
  add_rule_options(*command, *options);
  add_output_options(*command, *options);
  command->footer(fmt::format(
      "\nRules: {}. Without --compare: dense and, if the model\nhas an indexer, sparse. Intervals "
      "hold 95%.\n\nExample:\n  levin eval models/mini --questions questions.jsonl --compare "
      "dense,sparse,recency",
      fmt::join(eval::compare_rule_names(), ", ")));
  command->callback([options, &invocation] { invocation.run = [options] { run_eval(*options); }; });
}

}  // namespace levin::cli
