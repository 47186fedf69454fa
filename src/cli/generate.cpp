// levin generate: continue a prompt.

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/notice.h"
#include "cli/answer.h"
#include "cli/checks.h"
#include "cli/commands.h"
#include "cli/conversation.h"
#include "cli/input.h"
#include "cli/model_options.h"
#include "cli/output.h"
#include "cli/sampling_options.h"
#include "generation/prompt_ids.h"
#include "text/chat_style.h"

namespace levin::cli {
namespace {

using nlohmann::json;

struct GenerateCommand {
  ModelOptions model;
  generation::GenerationRequest request;
  std::optional<std::string> prompt;
  std::string prompt_file;
  std::string tokens_file;
  bool is_plain = false;
  bool wants_logprobs = false;
  bool as_json = false;
};

/// Without tokenizer.json the command still works on --tokens, ids in and ids out.
std::optional<text::Tokenizer> load_tokenizer(const GenerateCommand& options) {
  const auto path = std::filesystem::path(options.model.model_dir) / "tokenizer.json";
  if (!options.tokens_file.empty() && !base::exists(path.string())) {
    return std::nullopt;
  }
  require_in_folder(options.model.model_dir, "tokenizer.json", "MODEL");
  return text::Tokenizer::load(options.model.model_dir);
}

std::vector<int32_t> encode_prompt(const GenerateCommand& options, const text::Tokenizer& tokenizer,
                                   const std::string& text) {
  if (text.empty()) {
    throw base::Error(base::ErrorCode::kInvalidArgument, "the prompt is empty",
                      options.prompt.has_value() ? "--prompt" : input_name(options.prompt_file));
  }
  const text::ChatStyle style = text::choose_chat_style(options.model.model_dir, tokenizer);
  generation::PromptIds prompt;
  if (options.is_plain || style == text::ChatStyle::kPlain) {
    prompt = generation::text_prompt(tokenizer, text);
  } else {
    text::Conversation conversation;
    add_message(conversation, text::Role::kUser, text);
    prompt = generation::chat_prompt(tokenizer, conversation, {}, style);
  }
  warn_about_replacements(prompt.replacements, "prompt");
  return std::move(prompt.ids);
}

std::vector<int32_t> make_prompt(const GenerateCommand& options, const text::Tokenizer* tokenizer,
                                 const model::Config& config) {
  if (!options.tokens_file.empty()) {
    return read_token_ids(options.tokens_file, config.vocab_size);
  }
  LEVIN_CHECK(tokenizer != nullptr);  // load_tokenizer does without it for --tokens alone
  return encode_prompt(
      options, *tokenizer,
      options.prompt.has_value() ? *options.prompt : read_text(options.prompt_file));
}

json token_json(const generation::Delta& delta) {
  json alternatives = json::array();
  for (const runtime::TokenLogprob& other : delta.token->top_logprobs) {
    alternatives.push_back({{"token", other.token}, {"logprob", other.logprob}});
  }
  json token = {{"token", delta.token->token},
                {"logprob", delta.token->logprob},
                {"top_logprobs", std::move(alternatives)}};
  if (!delta.expert_ids.empty()) {
    token["expert_ids"] = delta.expert_ids;
  }
  if (!delta.token->sampling_mask.empty()) {
    token["sampling_mask"] = delta.token->sampling_mask;
  }
  return token;
}

bool wants_token_details(const GenerateCommand& options) {
  return options.wants_logprobs || options.request.wants_experts ||
         options.request.sampling.wants_sampling_mask;
}

void check_options(GenerateCommand& options) {
  if (wants_token_details(options) && !options.as_json) {
    throw base::Error(base::ErrorCode::kInvalidArgument,
                      "--logprobs, --experts and --sampling-mask need --json");
  }
  if (!options.wants_logprobs) {
    options.request.sampling.top_logprobs = wants_token_details(options) ? 0 : -1;
  }
  options.request.sampling.validate();
}

void run_generate(GenerateCommand& options) {
  check_options(options);
  const model::Config config = load_config(options.model);
  const std::optional<text::Tokenizer> tokenizer = load_tokenizer(options);
  const text::Tokenizer* tokenizer_or_null = tokenizer.has_value() ? &*tokenizer : nullptr;
  options.request.prompt = make_prompt(options, tokenizer_or_null, config);
  runtime::EngineOptions settings = engine_options(options.model);
  settings.context_tokens =
      choose_context(static_cast<int64_t>(options.request.prompt.size()),
                     options.request.max_new_tokens, options.model.context_tokens, config);
  const auto engine = load_engine(options.model.model_dir, settings);
  json details = json::array();
  const generation::GenerationResult result =
      run_request(*engine, tokenizer_or_null, options.request, !options.as_json,
                  [&](const generation::Delta& delta) {
                    if (wants_token_details(options)) {
                      details.push_back(token_json(delta));
                    }
                  });
  throw_if_cancelled(result);
  if (!options.as_json) {
    return base::write_notice(summarize(result));
  }
  json object = result_json(result);
  if (wants_token_details(options)) {
    object["token_details"] = std::move(details);
  }
  write_json(object);
}

void add_prompt_options(CLI::App& command, GenerateCommand& options) {
  CLI::Option_group* source = command.add_option_group("Prompt", "exactly one of");
  source->add_option("--prompt", options.prompt, "text")->type_name("TEXT");
  source->add_option("--prompt-file", options.prompt_file, "file with text (\"-\": stdin)")
      ->type_name("FILE");
  source
      ->add_option("--tokens", options.tokens_file,
                   "safetensors with I64 `tokens`, or text with ids (\"-\": stdin)")
      ->type_name("FILE");
  source->require_option(1);
  command.add_flag("--plain", options.is_plain, "no chat encoding: the text as it is");
}

}  // namespace

void add_generate_command(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<GenerateCommand>();
  constexpr int64_t kDefaultAnswerTokens = 256;
  options->request.max_new_tokens = kDefaultAnswerTokens;
  CLI::App* command = app.add_subcommand("generate", "Answer or continue a prompt");
  add_model_options(*command, options->model,
                    {.context = "what prompt and answer need", .chunk = "2048"});
  add_prompt_options(*command, *options);
  add_sampling_options(*command, options->request);
  command
      ->add_option_function<int32_t>(
          "--logprobs",
          [options](const int32_t count) {
            options->wants_logprobs = true;
            options->request.sampling.top_logprobs = count;
          },
          "log-probabilities of each token and N alternatives (with --json)")
      ->check(whole_number(0, 1000))
      ->type_name("N");
  command->add_flag("--experts", options->request.wants_experts,
                    "experts of each token (with --json)");
  command->add_flag("--sampling-mask", options->request.sampling.wants_sampling_mask,
                    "tokens that could have been drawn (with --json)");
  command->add_flag("--json", options->as_json, "one JSON object instead of streamed text");
  command->footer(
      "\nThe text goes to stdout, progress and summary to stderr.\n\nExample:\n"
      "  levin generate models/mini --prompt \"It is a truth\" --plain --max-tokens 50");
  command->callback(
      [options, &invocation] { invocation.run = [options] { run_generate(*options); }; });
}

}  // namespace levin::cli
