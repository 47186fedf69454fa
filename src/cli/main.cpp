// The `levin` program: finds the subcommand, runs it, turns errors into sentences and exit codes.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <functional>
#include <new>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "base/error.h"
#include "base/exit_code.h"
#include "base/files.h"
#include "base/mapped_file.h"
#include "base/notice.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/usage.h"

namespace levin::cli {
namespace {

constexpr const char* kVersion = "levin " LEVIN_VERSION;

/// Whether errors go to stdout as JSON too; asked before the options are parsed, which may fail.
bool asks_for_json(int argc, char** argv) {
  for (int i = 1; i < argc && std::strcmp(argv[i], "--") != 0; ++i) {
    if (std::strcmp(argv[i], "--json") == 0) {
      return true;
    }
  }
  return false;
}

int report_error(base::ErrorCode code, const std::string& message, bool as_json) {
  const int status = base::exit_code(code);
  base::write_notice("levin: error: " + message);
  if (as_json) {
    try {
      write_json(
          {{"error",
            {{"code", base::error_code_name(code)}, {"message", message}, {"exit_code", status}}}});
    } catch (const std::exception&) {
      return status;  // stdout is gone; stderr has the sentence
    }
  }
  return status;
}

void add_commands(CLI::App& app, Invocation& invocation) {
  add_ask_command(app, invocation);
  add_chat_command(app, invocation);
  add_generate_command(app, invocation);
  add_serve_command(app, invocation);
  add_inspect_command(app, invocation);
  add_bench_command(app, invocation);
  add_perplexity_command(app, invocation);
  add_eval_command(app, invocation);
  add_logits_command(app, invocation);
  add_tokenize_command(app, invocation);
  add_synth_command(app, invocation);
  add_keys_command(app, invocation);
  add_cache_command(app, invocation);
}

int run_reporting(const std::function<void()>& work, bool as_json) {
  try {
    work();
    throw_if_interrupted();
    return kExitOk;
  } catch (const OutputClosed&) {
    return kExitOk;
  } catch (const base::Error& error) {
    return report_error(error.code(), error.what(), as_json);
  } catch (const std::filesystem::filesystem_error& error) {
    const base::Error described = base::to_error(error);
    return report_error(described.code(), described.what(), as_json);
  } catch (const std::bad_alloc&) {
    return report_error(base::ErrorCode::kOutOfMemory, "the system has no more memory to give",
                        as_json);
  } catch (const std::exception& error) {
    return report_error(base::ErrorCode::kInternal,
                        std::string("unexpected: ") + error.what() + "; please report it", as_json);
  }
}

int run(int argc, char** argv) {
  CLI::App app("Levin runs DeepSeek Sparse Attention models: long documents in, answers out.",
               "levin");
  app.set_version_flag("--version", kVersion);
  app.require_subcommand(1);
  app.footer(std::string("\nExample:\n  levin ask models/mini --file models/mini/demo/document.txt "
                         "\"What is the year of Zoe?\"\n\n") +
             exit_code_help());
  Invocation invocation;
  add_commands(app, invocation);
  const bool as_json = asks_for_json(argc, argv);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help, --version
    std::ostringstream text;
    app.exit(success, text, text);
    return run_reporting([&text] { write_output(text.str()); }, as_json);
  } catch (const CLI::ParseError& error) {
    return report_error(base::ErrorCode::kInvalidArgument, usage_message(app, error), as_json);
  }
  return run_reporting(invocation.run, as_json);
}

}  // namespace
}  // namespace levin::cli

int main(int argc, char** argv) {
  try {
    levin::base::install_truncation_handler(levin::base::exit_code(levin::base::ErrorCode::kIo));
    levin::cli::occupy_standard_streams();
    levin::cli::ignore_write_signals();
    levin::cli::install_interrupt_handler(levin::cli::InterruptMode::kEndProgram);
    return levin::cli::run(argc, argv);
  } catch (const std::exception& error) {  // while the command line itself was being set up
    std::fprintf(stderr, "levin: error: %s\n", error.what());
    return levin::base::exit_code(levin::base::ErrorCode::kInternal);
  }
}
