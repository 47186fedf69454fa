// Do the generators still make the rows that a run was trained on? The checksum of the data's
// manifest does not cover them: they are part of the program.
#pragma once

#include <string>

#include "train/data/generator.h"
#include "train/recipe/recipe.h"
#include "train/run/checkpoint_store.h"

namespace levin::train::run {

/// SHA-256 of the first rows of every stage: at least two, and several thousand tokens. The same on
/// every machine, as the rows are. Takes about a second for long rows.
[[nodiscard]] std::string rows_sha256(const recipe::Recipe& recipe,
                                      const data::Generator& generator);

/// Throws Error(kInvalidFile) if the checkpoint was trained on rows of another checksum. One of an
/// older version, without a checksum, passes.
void require_same_rows(const StoredCheckpoint& checkpoint, const std::string& rows_sha256);

}  // namespace levin::train::run
