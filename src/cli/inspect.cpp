// levin inspect: what a checkpoint is and whether it fits this machine.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "cli/checks.h"
#include "cli/commands.h"
#include "cli/model_options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "eval/inspect_report.h"
#include "model/config.h"

namespace levin::cli {
namespace {

using nlohmann::json;

struct InspectCommand {
  ModelOptions model;
  std::vector<int64_t> contexts = {4096, 32768, 131072};
  bool as_json = false;
};

std::string describe_attention(const model::Config& config) {
  return config.is_sparse() ? fmt::format("sparse, top {} of the context by {} indexer heads",
                                          config.indexer.index_topk, config.indexer.index_n_heads)
                            : std::string("dense");
}

std::string_view attention_name(const eval::InspectReport& report) {
  return report.reads_selection ? "sparse" : "dense";
}

std::string describe_experts(const model::Config& config) {
  return config.n_routed_experts == 0
             ? std::string("none")
             : fmt::format("{} of {} per token, {} shared, from layer {} on",
                           config.num_experts_per_tok, config.n_routed_experts,
                           config.n_shared_experts, config.first_k_dense_replace);
}

void print_report(const eval::InspectReport& report, const model::Config& config) {
  std::string text;
  text += fmt::format("architecture  {}{}\n", config.architecture,
                      config.is_experimental ? " (experimental)" : "");
  text +=
      fmt::format("layers        {} x {} wide, {} heads, context {}\n", config.num_hidden_layers,
                  config.hidden_size, config.num_attention_heads, config.max_position_embeddings);
  text += fmt::format("attention     {}\n", describe_attention(config));
  text += fmt::format("experts       {}\n", describe_experts(config));
  text += fmt::format("parameters    {}, {} active per token\n\n", format_count(report.parameters),
                      format_count(report.active_parameters));
  text += fmt::format("{:<24}{:>12}{:>12}{:>12}\n", "component", "parameters", "active", "bytes");
  for (const eval::ComponentSize& component : report.components) {
    text += fmt::format(
        "{:<24}{:>12}{:>12}{:>12}\n", component.name, format_count(component.parameters),
        format_count(component.active_parameters), base::format_bytes(component.bytes));
  }
  text += fmt::format("\ncache         {} per token of context, {} attention\n",
                      base::format_bytes(report.cache_bytes_per_token), attention_name(report));
  text +=
      fmt::format("weights       {} mapped from the files, {} copied at load\n",
                  base::format_bytes(report.mapped_bytes), base::format_bytes(report.copied_bytes));
  text += fmt::format("this machine  {} memory, {} available\n\n",
                      base::format_bytes(report.total_memory_bytes),
                      base::format_bytes(report.available_memory_bytes));
  text += fmt::format("{:>10}{:>12}{:>14}{:>14}\n", "context", "cache", "activations", "anonymous");
  for (const eval::MemoryFit& fit : report.fits) {
    text +=
        fmt::format("{:>10}{:>12}{:>14}{:>14}  {}\n", fit.context_tokens,
                    base::format_bytes(fit.cache_bytes), base::format_bytes(fit.activation_bytes),
                    base::format_bytes(fit.anonymous_bytes), eval::verdict_name(fit.verdict));
  }
  write_output(text);
}

json components_json(const eval::InspectReport& report) {
  json components = json::array();
  for (const eval::ComponentSize& component : report.components) {
    components.push_back({{"name", component.name},
                          {"parameters", component.parameters},
                          {"active_parameters", component.active_parameters},
                          {"bytes", component.bytes}});
  }
  return components;
}

json fits_json(const eval::InspectReport& report) {
  json fits = json::array();
  for (const eval::MemoryFit& fit : report.fits) {
    fits.push_back({{"context_tokens", fit.context_tokens},
                    {"cache_bytes", fit.cache_bytes},
                    {"activation_bytes", fit.activation_bytes},
                    {"anonymous_bytes", fit.anonymous_bytes},
                    {"verdict", eval::verdict_name(fit.verdict)}});
  }
  return fits;
}

json to_json(const eval::InspectReport& report, const model::Config& config) {
  return {{"architecture", config.architecture},
          {"model_type", config.model_type},
          {"is_experimental", config.is_experimental},
          {"num_hidden_layers", config.num_hidden_layers},
          {"hidden_size", config.hidden_size},
          {"vocab_size", config.vocab_size},
          {"max_position_embeddings", config.max_position_embeddings},
          {"is_sparse", config.is_sparse()},
          {"index_topk", config.indexer.index_topk},
          {"parameters", report.parameters},
          {"active_parameters", report.active_parameters},
          {"mtp_parameters", report.mtp_parameters},
          {"components", components_json(report)},
          {"attention", attention_name(report)},
          {"cache_bytes_per_token", report.cache_bytes_per_token},
          {"mapped_bytes", report.mapped_bytes},
          {"copied_bytes", report.copied_bytes},
          {"total_memory_bytes", report.total_memory_bytes},
          {"available_memory_bytes", report.available_memory_bytes},
          {"contexts", fits_json(report)}};
}

void run_inspect(const InspectCommand& options) {
  const model::Config config = load_config(options.model);
  const eval::InspectReport report = eval::inspect_checkpoint(
      options.model.model_dir, config, engine_options(options.model), options.contexts);
  if (options.as_json) {
    write_json(to_json(report, config));
  } else {
    print_report(report, config);
  }
}

}  // namespace

void add_inspect_command(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<InspectCommand>();
  CLI::App* command =
      app.add_subcommand("inspect", "Show what a checkpoint is and whether it fits this machine");
  add_loading_options(*command, options->model);
  add_attention_option(*command, options->model.attention);
  command
      ->add_option("--contexts", options->contexts,
                   "context lengths in tokens to reckon memory for")
      ->capture_default_str()
      ->allow_extra_args(false)
      ->delimiter(',')
      ->check(whole_number(1, int64_t{1} << 30))
      ->type_name("N,...");
  command->add_flag("--json", options->as_json, "report as JSON");
  command->footer(
      "\nExample:\n"
      "  levin inspect models/mini\n"
      "  levin inspect models/mini --attention dense --contexts 16384   what a dense reading "
      "takes");
  command->callback(
      [options, &invocation] { invocation.run = [options] { run_inspect(*options); }; });
}

}  // namespace levin::cli
