// The subcommands. Each adds its options to the command line; a parsed one sets Invocation::run.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace levin::cli {

/// What a command line asks for.
struct Invocation {
  std::function<void()> run;  ///< throws base::Error; OutputClosed if nobody reads stdout
};

void add_ask_command(CLI::App& app, Invocation& invocation);
void add_bench_command(CLI::App& app, Invocation& invocation);
void add_cache_command(CLI::App& app, Invocation& invocation);
void add_chat_command(CLI::App& app, Invocation& invocation);
void add_eval_command(CLI::App& app, Invocation& invocation);
void add_generate_command(CLI::App& app, Invocation& invocation);
void add_inspect_command(CLI::App& app, Invocation& invocation);
void add_keys_command(CLI::App& app, Invocation& invocation);
void add_logits_command(CLI::App& app, Invocation& invocation);
void add_perplexity_command(CLI::App& app, Invocation& invocation);
void add_serve_command(CLI::App& app, Invocation& invocation);
void add_synth_command(CLI::App& app, Invocation& invocation);
void add_tokenize_command(CLI::App& app, Invocation& invocation);

}  // namespace levin::cli
