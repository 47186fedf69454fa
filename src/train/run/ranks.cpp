#include "train/run/ranks.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <string>
#include <string_view>

#include "base/error.h"

namespace levin::train::run {
namespace {

using base::ErrorCode;
using base::throw_error;

using GetVariable = std::function<const char*(const char* variable)>;

/// The variables of one launcher.
struct LauncherVariables {
  const char* rank;
  const char* ranks;
  const char* local_ranks;
};

constexpr std::array<LauncherVariables, 3> kLaunchers = {{
    {"RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"},
    {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE"},
    {"PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS"},
}};

/// A whole number from `least` to `most`; `fallback` if the variable is not set.
int number_of(const GetVariable& get, const char* variable, int least, int most, int fallback) {
  const char* text = get(variable);
  if (text == nullptr) {
    return fallback;
  }
  const std::string_view digits = text;
  int value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || value < least ||
      value > most) {
    throw_error(ErrorCode::kInvalidArgument, variable,
                "\"{}\" is set, a whole number from {} to {} expected", digits, least, most);
  }
  return value;
}

constexpr int kMaxRanks = 65536;
constexpr int kMaxPort = 65535;

}  // namespace

std::optional<Launch> launch_from_environment(const GetVariable& get) {
  for (const LauncherVariables& variables : kLaunchers) {
    const bool has_rank = get(variables.rank) != nullptr;
    const bool has_ranks = get(variables.ranks) != nullptr;
    if (!has_rank && !has_ranks) {
      continue;
    }
    if (has_rank != has_ranks) {
      throw_error(ErrorCode::kInvalidArgument, has_rank ? variables.ranks : variables.rank,
                  "not set, though {} is: a rank needs both; unset both to train in one process",
                  has_rank ? variables.rank : variables.ranks);
    }
    Launch launch;
    launch.place.ranks = number_of(get, variables.ranks, 1, kMaxRanks, 1);
    launch.place.rank = number_of(get, variables.rank, 0, launch.place.ranks - 1, 0);
    launch.local_ranks =
        number_of(get, variables.local_ranks, 1, launch.place.ranks, launch.place.ranks);
    if (const char* host = get("MASTER_ADDR"); host != nullptr && *host != '\0') {
      launch.place.host = host;
    }
    launch.place.port =
        static_cast<uint16_t>(number_of(get, "MASTER_PORT", 1, kMaxPort, launch.place.port));
    return launch.place.ranks > 1 ? std::optional(launch) : std::nullopt;
  }
  return std::nullopt;
}

RowShare share_of_rank(const recipe::StageSettings& stage, const optim::DataParallel* ranks) {
  if (ranks == nullptr) {
    return {0, stage.rows_per_step()};
  }
  const int64_t rows = stage.rows_per_step() / ranks->ranks();
  return {ranks->rank() * rows, rows};
}

void require_even_share(const recipe::StageSettings& stage, const optim::DataParallel* ranks,
                        const std::string& recipe_path) {
  if (ranks != nullptr && stage.rows_per_step() % ranks->ranks() != 0) {
    throw_error(ErrorCode::kInvalidArgument, recipe_path,
                "stage \"{}\": {} rows a step (tokens_per_step / row_tokens) do not divide among "
                "{} ranks; start a number of ranks that divides them, or change tokens_per_step",
                stage.name, stage.rows_per_step(), ranks->ranks());
  }
}

}  // namespace levin::train::run
