// levin serve: the API and the chat page of one model.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/notice.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/model_options.h"
#include "cli/stop_signal.h"
#include "serve/model_server.h"
#include "serve/server_config.h"

namespace levin::cli {
namespace {

/// Answers of any length that run beside each other unless cache_mib says otherwise.
constexpr int64_t kMostContexts = 8;

struct ServeCommand {
  std::string model_dir;
  std::string config_file;
  serve::GivenFlags flags;
};

const char* environment(const char* name) { return std::getenv(name); }

/// An option whose text read_config judges: it says the same of all three sources.
void add_setting(CLI::App& command, const serve::Setting& setting, serve::GivenFlags& flags) {
  const std::string name = serve::flag_name(setting);
  const std::string key(setting.key);
  const std::string help(setting.help);
  if (setting.kind == serve::Setting::Kind::kFlag) {
    command.add_flag_function(
        name + ",!--no-" + name.substr(2),
        [key, &flags](int64_t count) {
          flags.emplace_back(key, std::vector<std::string>{count > 0 ? "true" : "false"});
        },
        help);
    return;
  }
  CLI::Option* option = command.add_option_function<std::vector<std::string>>(
      name,
      [key, &flags](const std::vector<std::string>& values) { flags.emplace_back(key, values); },
      help);
  option->type_name(std::string(setting.value_name));
  option->allow_extra_args(false);
  if (setting.kind == serve::Setting::Kind::kList) {
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  } else {
    option->expected(1);
  }
}

ModelOptions model_options(const ServeCommand& command, const serve::ServerConfig& config) {
  ModelOptions options;
  options.model_dir = command.model_dir;
  options.attention = config.attention;
  options.weights = config.weights;
  options.numerics = config.numerics;
  options.threads = static_cast<int>(config.threads);
  options.context_tokens = config.context_tokens;
  options.chunk_tokens = config.chunk_tokens;
  return options;
}

void run_serve(const ServeCommand& command) {
  const serve::ServerConfig config =
      serve::read_config(command.config_file, command.flags, environment);
  serve::check_config(config, !serve::accounts_file(config).empty());
  require_in_folder(command.model_dir, "tokenizer.json", "MODEL");
  const ModelOptions options = model_options(command, config);
  (void)load_config(options);  // its sentences come before minutes of loading
  runtime::EngineOptions engine = engine_options(options);
  engine.cache_bytes = config.cache_mib << 20;
  engine.most_contexts = kMostContexts;
  engine.scores_prompts = true;         // completions may ask for it
  engine.forward.measures_time = true;  // for /metrics
  engine.disk_cache_dir = config.disk_cache;
  engine.disk_cache_bytes = config.disk_cache_mib << 20;
  serve::ModelServer server(config);
  std::unique_ptr<runtime::Engine> loaded = load_engine(command.model_dir, engine);
  throw_if_interrupted();
  install_stop_handler();
  server.serve(std::move(loaded), command.model_dir);
  if (!config.is_json_log) {
    base::write_notice(fmt::format("levin serves {}\n{}", command.model_dir, server.greeting()));
  }
  (void)wait_for_stop_signal();
  (void)server.drain();
}

}  // namespace

void add_serve_command(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<ServeCommand>();
  CLI::App* command = app.add_subcommand("serve", "Serve the model to programs and browsers");
  command->add_option("MODEL", options->model_dir, "folder with config.json and weights")
      ->required()
      ->type_name("");
  command->add_option("--config", options->config_file, "settings as a JSON object; see below")
      ->type_name("FILE");
  for (const serve::Setting& setting : serve::settings()) {
    add_setting(*command, setting, options->flags);
  }
  add_verbose_flag(*command);
  command->footer(
      "\nEach setting is also a key of the --config file (max_body_mib) and a variable of the\n"
      "environment (LEVIN_MAX_BODY_MIB). The command line goes before the environment, that\n"
      "before the file. A list is api_keys and LEVIN_API_KEYS=a,b there.\n\nExample:\n"
      "  levin serve models/mini --port 8080\n"
      "  curl localhost:8080/v1/chat/completions -H 'content-type: application/json' \\\n"
      "    -d "
      "'{\"model\":\"deepseek-chat\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}'");
  command->callback(
      [options, &invocation] { invocation.run = [options] { run_serve(*options); }; });
}

}  // namespace levin::cli
