#include "cli/sampling_options.h"

#include <CLI/CLI.hpp>
#include <limits>

#include "cli/checks.h"

namespace levin::cli {
namespace {

constexpr int64_t kMostTokens = std::numeric_limits<int32_t>::max();

/// The ranges are those of runtime::SamplingParams::validate; here they carry the option's name.
void add_penalties(CLI::App& command, runtime::SamplingParams& sampling) {
  const auto is_any = [](double /*value*/) { return true; };
  command
      .add_option("--repetition-penalty", sampling.repetition_penalty,
                  "above 1: seen tokens become less likely")
      ->check(real_number("a number above 0", [](double value) { return value > 0.0; }))
      ->capture_default_str()
      ->type_name("X");
  command
      .add_option("--frequency-penalty", sampling.frequency_penalty, "per occurrence in the answer")
      ->check(real_number("a finite number", is_any))
      ->capture_default_str()
      ->type_name("X");
  command
      .add_option("--presence-penalty", sampling.presence_penalty, "once for tokens in the answer")
      ->check(real_number("a finite number", is_any))
      ->capture_default_str()
      ->type_name("X");
}

void add_truncation(CLI::App& command, runtime::SamplingParams& sampling) {
  command.add_option("--top-k", sampling.top_k, "draw from the K likeliest tokens; 0: off")
      ->check(whole_number(0, kMostTokens))
      ->capture_default_str()
      ->type_name("K");
  command.add_option("--top-p", sampling.top_p, "draw from tokens that add up to P; 1: off")
      ->check(real_number("a number above 0 and up to 1 (off)",
                          [](double value) { return value > 0.0 && value <= 1.0; }))
      ->capture_default_str()
      ->type_name("P");
  command
      .add_option("--min-p", sampling.min_p, "leave out tokens below P times the likeliest; 0: off")
      ->check(real_number("a number from 0 (off) to 1",
                          [](double value) { return value >= 0.0 && value <= 1.0; }))
      ->capture_default_str()
      ->type_name("P");
}

}  // namespace

void add_sampling_options(CLI::App& command, generation::GenerationRequest& request) {
  runtime::SamplingParams& sampling = request.sampling;
  command
      .add_option("--max-tokens", request.max_new_tokens,
                  "longest answer in tokens; 0: until the context is full")
      ->capture_default_str()
      ->check(whole_number(0, kMostTokens))
      ->type_name("N");
  command.add_option("--temperature", sampling.temperature, "0: always the likeliest token")
      ->check(real_number("a number from 0 up", [](double value) { return value >= 0.0; }))
      ->capture_default_str()
      ->type_name("T");
  add_truncation(command, sampling);
  add_penalties(command, sampling);
  command.add_option("--seed", sampling.seed, "of the draws; equal seeds give equal answers")
      ->check(whole_number(0, std::numeric_limits<int64_t>::max()))
      ->capture_default_str()
      ->type_name("S");
  command.add_option("--stop", request.stop, "text that ends the answer; may be repeated")
      ->allow_extra_args(false)
      ->check(text_not_empty())
      ->type_name("TEXT");
  command.add_flag("--ignore-eos", request.ignore_eos,
                   "go on after the model's end-of-sequence token");
}

}  // namespace levin::cli
