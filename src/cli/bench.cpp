// levin bench: prefill and decode speed at chosen depths, beside what the machine can do.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/units.h"
#include "cli/checks.h"
#include "cli/commands.h"
#include "cli/model_options.h"
#include "cli/output.h"
#include "eval/bench_run.h"
#include "kernels/ceilings.h"
#include "model/config.h"

namespace levin::cli {
namespace {

using nlohmann::json;

constexpr std::array<int64_t, 5> kDefaultDepths = {0, 2048, 8192, 32768, 131072};

struct BenchCommand {
  ModelOptions model;
  eval::BenchOptions bench;
  std::vector<std::string> attention;
  std::string fill = "random";
  bool as_json = false;
};

/// "median [min..max]"; a dash for what was not measured.
std::string describe_spread(const eval::Spread& spread, int decimals) {
  if (spread.max == 0.0) {
    return "-";
  }
  return fmt::format("{:.{}f} [{:.{}f}..{:.{}f}]", spread.median, decimals, spread.min, decimals,
                     spread.max, decimals);
}

json spread_json(const eval::Spread& spread) {
  return {{"median", spread.median}, {"min", spread.min}, {"max", spread.max}};
}

/// Prints rows as they come, or collects them for --json.
class Report {
 public:
  Report(const BenchCommand& options, const model::Config& config) : options_(options) {
    json_["model"] = options.model.model_dir;
    json_["architecture"] = config.architecture;
    json_["weights"] = options.model.weights;
    json_["numerics"] = options.model.numerics;
    json_["chunk_tokens"] = options.bench.chunk_tokens;
    json_["fill"] = options.fill;
    json_["repetitions"] = options.bench.repetitions;
    json_["rows"] = json::array();
  }

  /// The machine's figures and the head of the table.
  void begin(runtime::Engine& engine) {
    const double bf16_gflop_per_s = kernels::measure_bf16_gflop_per_s(engine.context());
    const int threads = engine.context().pool().thread_count();
    const std::string isa(engine.context().table().name);
    json_["threads"] = threads;
    json_["isa"] = isa;
    json_["bf16_gflop_per_s"] = bf16_gflop_per_s;
    if (!options_.as_json) {
      write_output(fmt::format(
          "machine: {} threads, {} kernels, bf16 {:.0f} GFLOP/s\n\n"
          "| {:<9} | {:>7} | {:>26} | {:>26} | {:>9} | {:>6} | {:>15} | {:>10} |\n"
          "|{:-<11}|{:->8}:|{:->27}:|{:->27}:|{:->10}:|{:->7}:|{:->16}:|{:->11}:|\n",
          threads, isa, bf16_gflop_per_s, "attention", "depth",
          fmt::format("prefill {} t/s", options_.bench.chunk_tokens), "decode ms/token", "MB/token",
          "GB/s", "of machine GB/s", "peak", "", "", "", "", "", "", "", ""));
    }
  }

  void add(const std::string& attention, const eval::BenchRow& row) {
    const double share = row.read_gb_per_s > 0.0 ? row.decode_gb_per_s / row.read_gb_per_s : 0.0;
    json_["rows"].push_back({{"attention", attention},
                             {"depth", row.depth_tokens},
                             {"prefill_tokens_per_s", spread_json(row.prefill_tokens_per_s)},
                             {"decode_ms", spread_json(row.decode_ms)},
                             {"decode_read_bytes", row.decode_read_bytes},
                             {"decode_gb_per_s", row.decode_gb_per_s},
                             {"read_gb_per_s", row.read_gb_per_s},
                             {"share_of_read_bandwidth", share},
                             {"latent_rows_read", row.latent_rows_read},
                             {"anonymous_bytes", row.anonymous_bytes},
                             {"peak_resident_bytes", row.peak_resident_bytes}});
    if (!options_.as_json) {
      write_output(fmt::format(
          "| {:<9} | {:>7} | {:>26} | {:>26} | {:>9.1f} | {:>6.1f} | {:>15} | {:>10} |\n",
          attention, row.depth_tokens, describe_spread(row.prefill_tokens_per_s, 1),
          describe_spread(row.decode_ms, 2), static_cast<double>(row.decode_read_bytes) * 1e-6,
          row.decode_gb_per_s, fmt::format("{:.0f}% of {:.1f}", 100.0 * share, row.read_gb_per_s),
          base::format_bytes(row.peak_resident_bytes)));
    }
  }

  void end() const {
    if (options_.as_json) {
      write_json(json_);
    }
  }

 private:
  const BenchCommand& options_;
  json json_;
};

/// The modes to run: as asked for, or all that the checkpoint can.
std::vector<std::string> attention_modes(const BenchCommand& options, const model::Config& config) {
  if (!options.attention.empty()) {
    return options.attention;
  }
  return config.is_sparse() ? std::vector<std::string>{"dense", "sparse"}
                            : std::vector<std::string>{"dense"};
}

/// Without --depth: the usual ones, as far as the model's context reaches.
void choose_depths(eval::BenchOptions& bench, const model::Config& config) {
  if (!bench.depths.empty()) {
    return;
  }
  for (const int64_t depth_tokens : kDefaultDepths) {
    bench.depths.push_back(depth_tokens);
    if (eval::bench_context_tokens(bench) > config.max_position_embeddings) {
      bench.depths.pop_back();
      return;
    }
  }
}

void check_depths(const eval::BenchOptions& bench, const model::Config& config) {
  const int64_t needed = eval::bench_context_tokens(bench);
  if (needed > config.max_position_embeddings) {
    base::throw_error(base::ErrorCode::kContextTooLong, "--depth",
                      "the deepest context and its chunk are {} tokens, the model's limit is {}",
                      needed, config.max_position_embeddings);
  }
}

void run_bench_command(BenchCommand& options) {
  const model::Config config = load_config(options.model);
  options.bench.fill =
      options.fill == "prefill" ? eval::BenchFill::kPrefill : eval::BenchFill::kRandom;
  if (options.bench.chunk_tokens == 0 && options.bench.decode_tokens == 0) {
    throw base::Error(base::ErrorCode::kInvalidArgument,
                      "--chunk and --decode are both 0, so nothing would be measured; raise one");
  }
  choose_depths(options.bench, config);
  check_depths(options.bench, config);
  Report report(options, config);
  bool has_begun = false;
  for (const std::string& attention : attention_modes(options, config)) {
    runtime::EngineOptions settings = engine_options(options.model);
    settings.forward.attention = parse_attention(attention);
    settings.context_tokens = eval::bench_context_tokens(options.bench);
    const auto engine = load_engine(options.model.model_dir, settings);
    if (!has_begun) {
      report.begin(*engine);
      has_begun = true;
    }
    eval::run_bench(*engine, options.bench,
                    [&](const eval::BenchRow& row) { report.add(attention, row); });
  }
  report.end();
}

void add_measurement_options(CLI::App& command, BenchCommand& options) {
  eval::BenchOptions& bench = options.bench;
  command
      .add_option("--depth", bench.depths,
                  "tokens of context before the measured ones; default: 0,2048,8192,32768,131072")
      ->allow_extra_args(false)
      ->delimiter(',')
      ->check(whole_number(0, int64_t{1} << 30))
      ->type_name("N,...");
  command
      .add_option("--attention", options.attention,
                  "dense, sparse or both; default: all that the checkpoint can")
      ->allow_extra_args(false)
      ->delimiter(',')
      ->check(one_of({"auto", "dense", "sparse"}))
      ->type_name("dense,sparse");
  command.add_option("--chunk", bench.chunk_tokens, "tokens of the measured prefill; 0: none")
      ->check(whole_number(0, int64_t{1} << 24))
      ->capture_default_str()
      ->type_name("N");
  command.add_option("--decode", bench.decode_tokens, "decode steps per repetition; 0: none")
      ->check(whole_number(0, int64_t{1} << 20))
      ->capture_default_str()
      ->type_name("N");
  command.add_option("--repetitions", bench.repetitions, "measured ones; one more goes before")
      ->check(whole_number(1, 10000))
      ->capture_default_str()
      ->type_name("N");
  command
      .add_option("--fill", options.fill,
                  "the context: random cache rows, or random tokens read by the model")
      ->check(one_of({"random", "prefill"}))
      ->capture_default_str()
      ->type_name("random|prefill");
}

}  // namespace

void add_bench_command(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<BenchCommand>();
  CLI::App* command =
      app.add_subcommand("bench", "Measure prefill and decode speed at depths of context");
  add_loading_options(*command, options->model);
  add_measurement_options(*command, *options);
  command->add_flag("--json", options->as_json, "report as JSON");
  command->footer(
      "\nFigures are median [min..max]: prefill over repetitions, decode over single tokens.\n"
      "MB/token: what a decode step must read. GB/s: that over the median; beside it the share of "
      "what\n"
      "the machine reads at best, measured just before the row.\n\n"
      "Example:\n  levin bench models/mini --depth 0,2048 --attention dense,sparse --chunk 256");
  command->callback(
      [options, &invocation] { invocation.run = [options] { run_bench_command(*options); }; });
}

}  // namespace levin::cli
