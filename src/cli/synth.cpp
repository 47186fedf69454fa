// levin synth: a random checkpoint of any shape.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/thread_pool.h"
#include "base/units.h"
#include "cli/checks.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/model_options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "eval/synth_checkpoint.h"

namespace levin::cli {
namespace {

struct SynthCommand {
  eval::SynthOptions synth;
  std::string dtype = "auto";
  double shard_gb = 4.0;
  int threads = 0;
  bool as_json = false;
};

nlohmann::json to_json(const eval::SynthReport& report, const std::string& out_dir) {
  nlohmann::json changes = nlohmann::json::array();
  for (const eval::ConfigChange& change : report.changes) {
    changes.push_back({{"key", change.key}, {"before", change.before}, {"after", change.after}});
  }
  return {{"out", out_dir},
          {"overrides", changes},
          {"files", report.files},
          {"tensors", report.tensors},
          {"parameters", report.parameters},
          {"bytes", report.bytes}};
}

void print_report(const eval::SynthReport& report, const std::string& out_dir) {
  for (const eval::ConfigChange& change : report.changes) {
    write_output(fmt::format("{}: {} -> {}\n", change.key, change.before, change.after));
  }
  write_output(fmt::format("{}: {} parameters in {} tensors, {} in {} file{}\n", out_dir,
                           format_count(report.parameters), report.tensors,
                           base::format_bytes(report.bytes), report.files,
                           report.files == 1 ? "" : "s"));
}

void run_synth(const SynthCommand& options) {
  eval::SynthOptions synth = options.synth;
  if (synth.out_dir.empty()) {
    throw base::Error(base::ErrorCode::kInvalidArgument, "is empty; name a folder", "--out");
  }
  if (options.dtype != "auto") {
    synth.dtype = options.dtype == "fp8" ? eval::SynthDType::kFp8 : eval::SynthDType::kBf16;
  }
  synth.shard_bytes = static_cast<int64_t>(options.shard_gb * 1e9);
  base::ThreadPool pool(options.threads);
  pool.set_cancel(&interrupt_token());
  Progress bar("writing", ProgressUnit::kBytes);
  const eval::SynthReport report = eval::write_synthetic_checkpoint(
      synth, pool,
      [&bar](int64_t done_bytes, int64_t total_bytes) { bar.update(done_bytes, total_bytes); });
  bar.finish();
  if (options.as_json) {
    write_json(to_json(report, synth.out_dir));
  } else {
    print_report(report, synth.out_dir);
  }
}

}  // namespace

void add_synth_command(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<SynthCommand>();
  CLI::App* command =
      app.add_subcommand("synth", "Write a random checkpoint of any shape, in official layout");
  command->add_option("CONFIG", options->synth.config_path, "a DeepSeek-style config.json")
      ->required()
      ->type_name("");
  command->add_option("--out", options->synth.out_dir, "folder to write")
      ->required()
      ->type_name("DIR");
  command
      ->add_option("--set", options->synth.overrides,
                   "replace a value of the config; may be repeated")
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  command->add_option("--dtype", options->dtype, "of the large matrices; auto: as the config says")
      ->check(one_of({"auto", "fp8", "bf16"}))
      ->capture_default_str()
      ->type_name("auto|fp8|bf16");
  command->add_option("--seed", options->synth.seed, "equal seeds give equal bytes")
      ->check(whole_number(0, std::numeric_limits<int64_t>::max()))
      ->capture_default_str()
      ->type_name("S");
  command->add_option("--shard-gb", options->shard_gb, "largest weight file in GB")
      ->capture_default_str()
      ->check(real_number("a number from 0.001 to 1000",
                          [](double value) { return value >= 0.001 && value <= 1000.0; }))
      ->type_name("X");
  command->add_flag("--force", options->synth.replaces_existing,
                    "replace the checkpoint that lies in DIR");
  add_threads_option(*command, options->threads);
  command->add_flag("--json", options->as_json, "report as JSON");
  command->footer(
      "\nExample:\n  levin synth tests/data/configs/tiny.json --out /tmp/synth "
      "--set num_hidden_layers=4 --set n_routed_experts=16");
  command->callback(
      [options, &invocation] { invocation.run = [options] { run_synth(*options); }; });
}

}  // namespace levin::cli
