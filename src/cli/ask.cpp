// levin ask: a question about long documents.

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/notice.h"
#include "cli/answer.h"
#include "cli/cache_options.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/model_options.h"
#include "cli/output.h"
#include "cli/sampling_options.h"
#include "generation/prompt_ids.h"
#include "text/chat_style.h"

namespace levin::cli {
namespace {

struct AskCommand {
  ModelOptions model;
  CacheOptions cache;
  generation::GenerationRequest request;
  std::vector<std::string> files;
  std::string question;
  bool is_thinking = false;
  bool is_plain = false;
  bool as_json = false;
  std::string stats_file;  ///< where the object of --json goes besides; empty: nowhere
};

/// CLI11 takes QUESTION for optional, because --file takes it with the documents before it.
class AskHelp : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* /*app*/, std::string name) const override {
    return "Usage: " + name + " [OPTIONS] MODEL --file DOC... QUESTION\n";
  }
};

/// `--file a.txt b.txt "QUESTION"`: the option takes every word after it, the last is the question.
/// Throws Error(kInvalidArgument) if that is a document: the question was forgotten.
void find_question(AskCommand& options) {
  if (!options.question.empty() || options.files.size() < 2) {
    return;
  }
  const std::string& last = options.files.back();
  std::error_code ignored;
  if (last == "-" || std::filesystem::exists(last, ignored)) {
    base::throw_error(base::ErrorCode::kInvalidArgument, "QUESTION",
                      "is missing: {} is a document; put the question behind the documents, or "
                      "before --file",
                      last);
  }
  options.question = std::move(options.files.back());
  options.files.pop_back();
}

std::vector<int32_t> make_prompt(const AskCommand& options, const text::Tokenizer& tokenizer) {
  if (options.question.empty()) {
    throw base::Error(base::ErrorCode::kInvalidArgument,
                      "is missing or empty; put it behind the documents, in quotes", "QUESTION");
  }
  const std::string document = read_documents(options.files);
  if (document.find_first_not_of(" \t\r\n") == std::string::npos) {
    throw base::Error(base::ErrorCode::kInvalidArgument, "the documents are empty", "--file");
  }
  const text::ChatStyle style = options.is_plain
                                    ? text::ChatStyle::kPlain
                                    : text::choose_chat_style(options.model.model_dir, tokenizer);
  generation::PromptIds prompt = generation::document_prompt(
      tokenizer, document, options.question, {.is_thinking = options.is_thinking}, style);
  warn_about_replacements(prompt.replacements, "prompt");
  return std::move(prompt.ids);
}

void run_ask(AskCommand& options) {
  find_question(options);
  if (!options.stats_file.empty()) {
    base::require_writable(options.stats_file);
  }
  const model::Config config = load_config(options.model);
  require_in_folder(options.model.model_dir, "tokenizer.json", "MODEL");
  const text::Tokenizer tokenizer = text::Tokenizer::load(options.model.model_dir);
  options.request.sampling.validate();
  options.request.prompt = make_prompt(options, tokenizer);
  runtime::EngineOptions settings = engine_options(options.model);
  settings.context_tokens =
      choose_context(static_cast<int64_t>(options.request.prompt.size()),
                     options.request.max_new_tokens, options.model.context_tokens, config);
  apply(options.cache, settings);
  const auto engine = load_engine(options.model.model_dir, settings);
  const generation::GenerationResult result = run_request(
      *engine, &tokenizer, options.request, !options.as_json, [](const generation::Delta&) {});
  throw_if_cancelled(result);
  const std::string stats = json_text(result_json(result));
  if (!options.stats_file.empty()) {
    base::write_file_atomically(options.stats_file, stats);
  }
  if (options.as_json) {
    write_output(stats);
  } else {
    base::write_notice(summarize(result));
  }
}

}  // namespace

void add_ask_command(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<AskCommand>();
  constexpr int64_t kDefaultAnswerTokens = 1024;
  options->request.max_new_tokens = kDefaultAnswerTokens;
  CLI::App* command = app.add_subcommand("ask", "Read long documents and answer a question");
  add_model_options(*command, options->model,
                    {.context = "what prompt and answer need", .chunk = "2048"});
  command->formatter(std::make_shared<AskHelp>());
  command->add_option("QUESTION", options->question, "what to ask about the documents")
      ->option_text("REQUIRED");
  command->add_option("--file", options->files, "documents (\"-\": stdin)")
      ->required()
      ->option_text("DOC... REQUIRED");
  add_cache_options(*command, options->cache);
  add_sampling_options(*command, options->request);
  CLI::Option* think =
      command->add_flag("--think", options->is_thinking, "let the model think before it answers");
  command
      ->add_flag("--plain", options->is_plain, "no chat encoding: documents and question as text")
      ->excludes(think);
  command->add_flag("--json", options->as_json, "one JSON object instead of streamed text");
  command->add_option("--stats", options->stats_file, "write that object to FILE as well")
      ->type_name("FILE");
  command->footer(
      "\nThe answer goes to stdout, progress and summary to stderr.\n\nExample:\n"
      "  levin ask models/mini --file models/mini/demo/document.txt \"What is the year of "
      "Zoe?\"\n\n"
      "With --cache ~/.cache/levin the next question about the same documents comes at once.");
  command->callback([options, &invocation] { invocation.run = [options] { run_ask(*options); }; });
}

}  // namespace levin::cli
