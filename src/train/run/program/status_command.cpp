// levin-train status: how far a run is, and its curves.

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "train/run/program/commands.h"
#include "train/run/status.h"

namespace levin::train::run {

void add_status_command(CLI::App& app, Invocation& invocation) {
  auto folder = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("status", "Prints a run's stages and writes its curves as SVG");
  command->add_option("DIR", *folder, "run folder")->required();
  command->callback([folder, &invocation] {
    invocation.run = [folder] { write_output(report_status(*folder)); };
  });
}

}  // namespace levin::train::run
