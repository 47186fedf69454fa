// levin-train export: a checkpoint of a run as a folder to ship.

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "train/run/export.h"
#include "train/run/program/commands.h"

namespace levin::train::run {

void add_export_command(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<ExportOptions>();
  auto takes_best = std::make_shared<bool>(false);
  auto dtype = std::make_shared<std::string>("bf16");
  CLI::App* command = app.add_subcommand("export",
                                         "Writes a checkpoint of a run as a model folder without "
                                         "training state");
  command->add_option("DIR", options->run_folder, "run folder")->required();
  command->add_option("--out", options->out, "folder to make")->required();
  CLI::Option* stage = command->add_option(
      "--stage", options->stage, "the end of this stage (default: the newest checkpoint)");
  command
      ->add_flag("--best", *takes_best,
                 "the checkpoint of lowest loss in the newest one's stage (run.keep_best keeps it)")
      ->excludes(stage);
  command->add_option("--dtype", *dtype, "of the matrices (default bf16)")
      ->check(CLI::IsMember({"bf16", "f32"}));
  command->callback([options, dtype, takes_best, &invocation] {
    if (*takes_best) {
      options->choice = CheckpointChoice::kBest;
    } else if (!options->stage.empty()) {
      options->choice = CheckpointChoice::kStageEnd;
    }
    options->dtype = *dtype == "f32" ? nn::StoredDtype::kF32 : nn::StoredDtype::kBf16;
    invocation.run = [options] { write_output(export_model(*options) + "\n"); };
  });
}

}  // namespace levin::train::run
