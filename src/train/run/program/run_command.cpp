// levin-train run: trains a recipe.

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/notice.h"
#include "base/units.h"
#include "base/usable_cores.h"
#include "train/recipe/keys.h"
#include "train/recipe/parse.h"
#include "train/run/environment.h"
#include "train/run/interrupt.h"
#include "train/run/machine.h"
#include "train/run/program/commands.h"
#include "train/run/ranks.h"
#include "train/run/trainer.h"

namespace levin::train::run {
namespace {

struct RunCommand {
  std::string recipe_path;
  std::string out;
  std::vector<std::string> overrides;
  bool resumes = false;
  bool lists_keys = false;
  int threads = 0;
};

void run_training(const RunCommand& options) {
  if (options.lists_keys) {
    write_output(recipe::keys_help());
    return;
  }
  const recipe::Recipe recipe = recipe::load_recipe(options.recipe_path, options.overrides);
  const std::string out =
      options.out.empty()
          ? "build/runs/" + std::filesystem::path(options.recipe_path).stem().string()
          : options.out;
  const std::optional<Launch> launch = launch_from_environment(&std::getenv);
  const int local_ranks = launch ? launch->local_ranks : 1;
  prepare_machine(options.threads > 0 ? options.threads
                                      : std::max(1, base::usable_cores() / local_ranks));
  const auto ranks = launch ? std::make_unique<optim::DataParallel>(launch->place) : nullptr;
  Progress progress(ranks != nullptr && ranks->rank() > 0);
  Trainer trainer(recipe, out, options.resumes ? StartMode::kResume : StartMode::kFresh, progress,
                  ranks.get(), local_ranks);
  trainer.run(interrupt_token());
  progress.note(fmt::format("done: {} steps, {} tokens, {}; see {}", trainer.state().step,
                            trainer.state().tokens, base::format_duration(trainer.state().seconds),
                            out));
}

}  // namespace

void prepare_machine(int threads) {
  // Attention that has learnt to look at few tokens gives the others denormal shares, and Intel's
  // cores multiply those slowly: 665 against 2,999 tokens/s, measured. Later threads inherit this.
  at::globalContext().setFlushDenormal(true);
  at::set_num_threads(threads > 0 ? threads : base::usable_cores());
  const double gflops = measure_sgemm_gflops();
  const std::string_view core = blas_core();
  base::write_notice(fmt::format("{} threads, {:.0f} GFLOP/s{}", at::get_num_threads(), gflops,
                                 core.empty() ? "" : fmt::format(" (OpenBLAS for {})", core)));
  const std::string warning = sgemm_warning(gflops, at::get_num_threads());
  if (!warning.empty()) {
    base::write_notice("levin-train: warning: " + warning);
  }
}

void add_run_command(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<RunCommand>();
  CLI::App* command = app.add_subcommand("run", "Trains the stages of a recipe");
  CLI::Option* recipe =
      command->add_option("RECIPE", options->recipe_path, "recipe (TOML); keys: run --keys");
  command->add_option("--out", options->out, "run folder (default build/runs/NAME of the recipe)");
  command->add_flag("--resume", options->resumes, "go on from the newest checkpoint, if any");
  command->add_option("--set", options->overrides, "section.key=value; may be repeated")
      ->take_all()
      ->allow_extra_args(false);
  command->add_option("--threads", options->threads, "threads (default: one per core)")
      ->check(CLI::Range(1, 1024));
  command->add_flag("--keys", options->lists_keys, "print every key of a recipe and end");
  command->callback([options, recipe, &invocation] {
    if (!options->lists_keys && recipe->count() == 0) {
      throw CLI::RequiredError("RECIPE");
    }
    invocation.run = [options] { run_training(*options); };
  });
}

}  // namespace levin::train::run
