// levin chat: a conversation in the terminal.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <string>

#include "base/notice.h"
#include "cli/cache_options.h"
#include "cli/chat_session.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/line_editor.h"
#include "cli/model_options.h"
#include "cli/sampling_options.h"
#include "model/config.h"

namespace levin::cli {
namespace {

constexpr int64_t kDefaultContextTokens = 32768;

struct ChatCommand {
  ModelOptions model;
  CacheOptions cache;
  generation::GenerationRequest defaults;
  std::string system_prompt;
  bool is_thinking = false;
  bool is_plain = false;
};

void run_chat(ChatCommand& options) {
  options.defaults.sampling.validate();
  const model::Config config = load_config(options.model);
  require_in_folder(options.model.model_dir, "tokenizer.json", "MODEL");
  const text::Tokenizer tokenizer = text::Tokenizer::load(options.model.model_dir);
  const text::ChatStyle style = options.is_plain
                                    ? text::ChatStyle::kPlain
                                    : text::choose_chat_style(options.model.model_dir, tokenizer);
  if (options.model.context_tokens == 0) {
    options.model.context_tokens = std::min(kDefaultContextTokens, config.max_position_embeddings);
  }
  runtime::EngineOptions settings = engine_options(options.model);
  apply(options.cache, settings);
  const auto engine = load_engine(options.model.model_dir, settings);
  install_interrupt_handler(InterruptMode::kStopAnswer);
  ChatSession session(*engine, tokenizer, style, options.defaults, options.is_thinking);
  session.set_system(options.system_prompt);
  LineEditor editor("> ");
  base::write_notice("/help lists the commands; Ctrl-D leaves.");
  std::string line;
  for (;;) {
    const LineEditor::Outcome outcome = editor.read(line);
    if (outcome == LineEditor::Outcome::kEnd ||
        (outcome == LineEditor::Outcome::kLine && !session.handle(line))) {
      return;
    }
  }
}

}  // namespace

void add_chat_command(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<ChatCommand>();
  constexpr int64_t kDefaultAnswerTokens = 2048;
  options->defaults.max_new_tokens = kDefaultAnswerTokens;
  CLI::App* command = app.add_subcommand("chat", "Talk to a model in the terminal");
  add_model_options(*command, options->model,
                    {.context = "32768, or the model's limit if that is less", .chunk = "2048"});
  add_cache_options(*command, options->cache);
  add_sampling_options(*command, options->defaults);
  command->add_option("--system", options->system_prompt, "system prompt")->type_name("TEXT");
  CLI::Option* think =
      command->add_flag("--think", options->is_thinking, "let the model think before it answers");
  command->add_flag("--plain", options->is_plain, "no chat encoding: the messages as they are")
      ->excludes(think);
  command->footer(
      "\nA conversation has no --json: programs take `levin generate --json` or `levin serve`.\n\n"
      "Example:\n"
      "  levin chat models/mini");
  command->callback([options, &invocation] { invocation.run = [options] { run_chat(*options); }; });
}

}  // namespace levin::cli
