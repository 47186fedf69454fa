// levin-train data: the data folder of a recipe (data build).

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "train/data/build_data.h"
#include "train/recipe/parse.h"
#include "train/run/program/commands.h"

namespace levin::train::run {
namespace {

struct DataCommand {
  std::string recipe_path;
  std::vector<std::string> overrides;
};

void build(const DataCommand& options) {
  const recipe::DataSettings settings =
      recipe::load_recipe(options.recipe_path, options.overrides).data;
  const data::BuildResult result =
      data::build_data({.recipe = settings.name,
                        .corpus_folder = settings.corpus_folder,
                        .tokenizer = settings.tokenizer,
                        .vocab_size = static_cast<int32_t>(settings.vocab_size),
                        .manifest_sha256 = settings.manifest_sha256},
                       settings.folder);
  write_output(fmt::format(
      "{}: {}, manifest_sha256 = \"{}\"\n", settings.folder,
      result.outcome == data::BuildOutcome::kBuilt ? "built" : "was there, every checksum holds",
      result.manifest_sha256));
}

}  // namespace

void add_recipe_options(CLI::App& command, std::string& recipe_path,
                        std::vector<std::string>& overrides) {
  command.add_option("RECIPE", recipe_path, "recipe (TOML)")->required();
  command.add_option("--set", overrides, "section.key=value; may be repeated")
      ->take_all()
      ->allow_extra_args(false);
}

void add_data_command(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<DataCommand>();
  CLI::App* data = app.add_subcommand("data", "The data that recipes train on");
  data->require_subcommand(1);
  CLI::App* command =
      data->add_subcommand("build", "Makes the data folder that a recipe names, always the same");
  add_recipe_options(*command, options->recipe_path, options->overrides);
  command->callback([options, &invocation] { invocation.run = [options] { build(*options); }; });
  add_questions_command(*data, invocation);
  add_demo_command(*data, invocation);
}

}  // namespace levin::train::run
