// The `levin-train` program: finds the subcommand, runs it, turns errors into sentences and exit
// codes.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <new>
#include <span>
#include <string>

#include "base/descriptor.h"
#include "base/error.h"
#include "base/exit_code.h"
#include "base/files.h"
#include "base/mapped_file.h"
#include "base/notice.h"
#include "train/run/environment.h"
#include "train/run/interrupt.h"
#include "train/run/program/commands.h"
#include "train/run/version.h"

namespace levin::train::run {

void write_output(std::string_view text) {
  if (!base::write_all(STDOUT_FILENO, std::as_bytes(std::span(text)))) {
    base::throw_errno("standard output", "write");
  }
}

namespace {

constexpr const char* kFooter =
    "\nExample:\n"
    "  levin-train data build recipes/tiny/tiny.toml\n"
    "  levin-train run recipes/tiny/tiny.toml --out build/runs/tiny\n\n"
    "Exit codes: 0 ok, 1 internal error, 2 wrong usage, recipe against folder, or a run that\n"
    "diverged, 3 bad file, 4 not found, 5 unsupported, 6 input/output, 7 out of memory,\n"
    "130 interrupted (a checkpoint was written).";

int report_error(base::ErrorCode code, const std::string& message) {
  base::write_notice("levin-train: error: " + message);
  return base::exit_code(code);
}

/// LibTorch's messages go on for a page; their first line says what happened.
std::string first_line(const char* message) {
  const std::string text = message;
  return text.substr(0, text.find('\n'));
}

int run_command(const Invocation& invocation) {
  try {
    invocation.run();
    return 0;
  } catch (const base::Error& error) {
    return report_error(error.code(), error.what());
  } catch (const std::filesystem::filesystem_error& error) {
    const base::Error described = base::to_error(error);
    return report_error(described.code(), described.what());
  } catch (const std::bad_alloc&) {
    return report_error(base::ErrorCode::kOutOfMemory, "the system has no more memory to give");
  } catch (const std::exception& error) {
    const std::string message = first_line(error.what());
    if (message.find("can't allocate memory") != std::string::npos) {
      return report_error(base::ErrorCode::kOutOfMemory,
                          "the system has no more memory to give; shorter rows, fewer tokens_per_"
                          "step or more accumulation need less");
    }
    return report_error(base::ErrorCode::kInternal,
                        "unexpected: " + message + "; please report it");
  }
}

int run(int argc, char** argv) {
  CLI::App app("Levin's trainer: a dense model, its lightning indexer, the sparse model.",
               "levin-train");
  app.set_version_flag("--version", std::string("levin-train ") + version());
  app.require_subcommand(1);
  app.footer(kFooter);
  Invocation invocation;
  add_data_command(app, invocation);
  add_run_command(app, invocation);
  add_status_command(app, invocation);
  add_export_command(app, invocation);
  add_sparsify_command(app, invocation);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help, --version
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    return report_error(base::ErrorCode::kInvalidArgument,
                        std::string(error.what()) + "; see `levin-train --help`");
  }
  return run_command(invocation);
}

}  // namespace
}  // namespace levin::train::run

int main(int argc, char** argv) {
  try {
    levin::train::run::prepare_environment(argv);
    levin::train::run::keep_freed_memory();
    levin::base::install_truncation_handler(levin::base::exit_code(levin::base::ErrorCode::kIo));
    levin::train::run::install_interrupt_handlers();
    return levin::train::run::run(argc, argv);
  } catch (const std::exception& error) {  // while the command line itself was being set up
    std::fprintf(stderr, "levin-train: error: %s\n", error.what());
    return levin::base::exit_code(levin::base::ErrorCode::kInternal);
  }
}
