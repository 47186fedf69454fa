// The subcommands of levin-train. Each adds its options to the command line; a parsed one sets
// Invocation::run.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace levin::train::run {

/// What a command line asks for.
struct Invocation {
  std::function<void()> run;  ///< throws base::Error
};

void add_run_command(CLI::App& app, Invocation& invocation);
void add_data_command(CLI::App& app, Invocation& invocation);
void add_sparsify_command(CLI::App& app, Invocation& invocation);
void add_status_command(CLI::App& app, Invocation& invocation);
void add_export_command(CLI::App& app, Invocation& invocation);

/// Commands of `data`.
void add_questions_command(CLI::App& data, Invocation& invocation);
void add_demo_command(CLI::App& data, Invocation& invocation);

/// RECIPE and --set.
void add_recipe_options(CLI::App& command, std::string& recipe_path,
                        std::vector<std::string>& overrides);

/// Sets the threads of LibTorch (0: one per core), measures matrix products and warns on stderr
/// where they are slow.
void prepare_machine(int threads);

/// Writes to stdout. Throws Error(kIo).
void write_output(std::string_view text);

}  // namespace levin::train::run
