#include "cli/sampling_options.h"

#include <CLI/CLI.hpp>
#include <limits>

namespace levin::cli {

void add_sampling_options(CLI::App& command, generation::GenerationRequest& request) {
  runtime::SamplingParams& sampling = request.sampling;
  command
      .add_option("--max-tokens", request.max_new_tokens,
                  "longest answer; 0: until the context is full")
      ->capture_default_str()
      ->check(CLI::Range(0, std::numeric_limits<int32_t>::max()))
      ->type_name("N");
  command.add_option("--temperature", sampling.temperature, "0: always the likeliest token")
      ->capture_default_str()
      ->type_name("T");
  command.add_option("--top-k", sampling.top_k, "draw from the K likeliest tokens; 0: off")
      ->type_name("K");
  command.add_option("--top-p", sampling.top_p, "draw from tokens that add up to P; 1: off")
      ->type_name("P");
  command
      .add_option("--min-p", sampling.min_p, "leave out tokens below P times the likeliest; 0: off")
      ->type_name("P");
  command
      .add_option("--repetition-penalty", sampling.repetition_penalty,
                  "above 1: seen tokens become less likely")
      ->type_name("X");
  command
      .add_option("--frequency-penalty", sampling.frequency_penalty, "per occurrence in the answer")
      ->type_name("X");
  command
      .add_option("--presence-penalty", sampling.presence_penalty, "once for tokens in the answer")
      ->type_name("X");
  command.add_option("--seed", sampling.seed, "of the draws; equal seeds give equal answers")
      ->check(CLI::Range(int64_t{0}, std::numeric_limits<int64_t>::max()))
      ->type_name("S");
  command.add_option("--stop", request.stop, "text that ends the answer; may be repeated")
      ->type_name("TEXT");
  command.add_flag("--ignore-eos", request.ignore_eos,
                   "go on after the model's end-of-sequence token");
}

}  // namespace levin::cli
