#include "train/run/checkpoint_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "base/durable.h"
#include "base/error.h"

namespace levin::train::run {
namespace {

namespace fs = std::filesystem;

using base::ErrorCode;
using base::throw_error;

constexpr std::string_view kUnfinishedPrefix = "unfinished-";
constexpr std::string_view kStepPrefix = "step-";

std::string name_of(const std::string& path) { return fs::path(path).filename().string(); }

/// Removes a checkpoint; a program that is killed meanwhile leaves no half of one under its name.
void discard(const std::string& path) {
  const fs::path from(path);
  const fs::path to =
      from.parent_path() / fmt::format("{}old-{}", kUnfinishedPrefix, name_of(path));
  std::error_code ignored;
  fs::rename(from, to, ignored);
  fs::remove_all(to, ignored);
}

}  // namespace

std::vector<StoredCheckpoint> list_checkpoints(const std::string& folder) {
  std::vector<StoredCheckpoint> all;
  if (!fs::exists(folder)) {
    return all;
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string path = entry.path().string();
    if (!name_of(path).starts_with(kStepPrefix)) {
      continue;
    }
    try {
      all.push_back({path, load_training_state(path)});
    } catch (const base::Error&) {
      if (fs::exists(path)) {
        throw;
      }  // else the run that goes on has just removed it
    }
  }
  std::ranges::sort(all, {}, [](const StoredCheckpoint& c) { return c.state.step; });
  return all;
}

std::vector<StoredCheckpoint> list_checkpoints(const std::string& folder, int64_t stages) {
  std::vector<StoredCheckpoint> all = list_checkpoints(folder);
  for (const StoredCheckpoint& checkpoint : all) {
    require_stage(checkpoint.state, checkpoint.path, stages);
  }
  return all;
}

const StoredCheckpoint& best_of_newest_stage(const std::vector<StoredCheckpoint>& checkpoints) {
  const int64_t stage_idx = checkpoints.back().state.stage_idx;
  int64_t most_steps = 0;
  for (const StoredCheckpoint& candidate : checkpoints) {
    if (candidate.state.stage_idx == stage_idx) {
      most_steps = std::max(most_steps, candidate.state.interval_steps);
    }
  }
  const StoredCheckpoint* best = nullptr;
  for (const StoredCheckpoint& candidate : checkpoints) {
    const int64_t steps = candidate.state.interval_steps;
    const bool counts = steps == 0 || 2 * steps >= most_steps;  // 0: an older version did not say
    // Of equals the newest.
    if (candidate.state.stage_idx == stage_idx && counts &&
        (best == nullptr || candidate.state.interval_loss <= best->state.interval_loss)) {
      best = &candidate;
    }
  }
  return *best;
}

CheckpointStore::CheckpointStore(std::string folder) : folder_(std::move(folder)) {
  base::make_folder(folder_);
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_)) {
    if (name_of(entry.path().string()).starts_with(kUnfinishedPrefix)) {
      fs::remove_all(entry.path(), error);
    }
  }
}

void CheckpointStore::save(const TrainingState& state, const KeepRule& keep,
                           const std::function<void(const std::string& folder)>& write) {
  const std::string name = fmt::format("{}{:08}", kStepPrefix, state.step);
  const std::string path = folder_ + "/" + name;
  const std::string unfinished = fmt::format("{}/{}{}", folder_, kUnfinishedPrefix, name);
  std::error_code ignored;
  try {
    fs::remove_all(unfinished);
    fs::create_directory(unfinished);
    write(unfinished);
    save_training_state(state, unfinished);
    base::sync_folder(unfinished);
    if (fs::exists(path)) {
      discard(path);
    }
    fs::rename(unfinished, path);
    base::sync_path(folder_);
  } catch (const fs::filesystem_error& error) {
    fs::remove_all(unfinished, ignored);
    throw_error(ErrorCode::kIo, path, "cannot write this checkpoint: {}; older ones are untouched",
                error.code().message());
  } catch (...) {
    fs::remove_all(unfinished, ignored);
    throw;
  }
  prune(keep);
}

void CheckpointStore::prune(const KeepRule& keep) const {
  const std::vector<StoredCheckpoint> all = list_checkpoints(folder_);
  std::set<std::string> kept;
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].state.is_stage_end || static_cast<int64_t>(all.size() - i) <= keep.last) {
      kept.insert(all[i].path);
    }
  }
  if (keep.keeps_best && !all.empty()) {
    kept.insert(best_of_newest_stage(all).path);
  }
  for (const StoredCheckpoint& checkpoint : all) {
    if (!kept.contains(checkpoint.path)) {
      discard(checkpoint.path);
    }
  }
}

}  // namespace levin::train::run
