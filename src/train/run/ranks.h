// Several processes that train one model: who they are and what each of them computes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "train/optim/data_parallel.h"
#include "train/recipe/recipe.h"

namespace levin::train::run {

/// A rank, and how many of them share this machine.
struct Launch {
  optim::RankPlace place;
  int local_ranks = 1;
};

/// What the launcher said: RANK, WORLD_SIZE, LOCAL_WORLD_SIZE (torchrun, or by hand), else Open
/// MPI's OMPI_COMM_WORLD_RANK, _SIZE, _LOCAL_SIZE, else PMI_RANK, PMI_SIZE, MPI_LOCALNRANKS (MPICH,
/// Intel MPI); with any of them MASTER_ADDR (default 127.0.0.1) and MASTER_PORT (29500). Without
/// the local number all ranks count as local. `get` is getenv. Nothing if there is one process.
/// Throws Error(kInvalidArgument) naming the variable that is missing or impossible.
[[nodiscard]] std::optional<Launch> launch_from_environment(
    const std::function<const char*(const char* variable)>& get);

/// Rows of a step that one rank computes.
struct RowShare {
  int64_t first_row = 0;  ///< counted from the step's first
  int64_t rows = 0;
};

/// Everything if `ranks` is null.
[[nodiscard]] RowShare share_of_rank(const recipe::StageSettings& stage,
                                     const optim::DataParallel* ranks);

/// Throws Error(kInvalidArgument) naming recipe and stage if its rows do not divide among the
/// ranks.
void require_even_share(const recipe::StageSettings& stage, const optim::DataParallel* ranks,
                        const std::string& recipe_path);

}  // namespace levin::train::run
