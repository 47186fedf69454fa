#include "train/run/training_state.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "formats/json.h"
#include "train/run/version.h"

namespace levin::train::run {
namespace {

constexpr int64_t kMaxStateBytes = 1 << 20;

std::string state_path(const std::string& folder) { return folder + "/training_state.json"; }

/// A whole number from 0; far below what counting further could overflow.
void read_count(const nlohmann::json& json, const char* key, const std::string& path,
                int64_t& count) {
  constexpr uint64_t kMostCount = uint64_t{1} << 53;
  const nlohmann::json& value = json.at(key);
  if (!value.is_number_unsigned() || value.get<uint64_t>() > kMostCount) {
    base::throw_error(base::ErrorCode::kInvalidFile, path,
                      "{} is no whole number from 0 to {}, so this is no state of a training run",
                      key, kMostCount);
  }
  count = value.get<int64_t>();
}

/// A key that older versions did not write.
template <typename Value>
void read_if_there(const nlohmann::json& json, const char* key, Value& value) {
  if (json.contains(key)) {
    json.at(key).get_to(value);
  }
}

}  // namespace

void save_training_state(const TrainingState& state, const std::string& folder) {
  const nlohmann::ordered_json json = {{"step", state.step},
                                       {"stage_idx", state.stage_idx},
                                       {"stage_step", state.stage_step},
                                       {"is_stage_end", state.is_stage_end},
                                       {"tokens", state.tokens},
                                       {"seconds", state.seconds},
                                       {"value_accuracy_mean", state.value_accuracy_mean},
                                       {"interval_loss", state.interval_loss},
                                       {"interval_steps", state.interval_steps},
                                       {"data_manifest_sha256", state.data_manifest_sha256},
                                       {"rows_sha256", state.rows_sha256},
                                       {"levin_train", version()}};
  base::write_file_atomically(state_path(folder), json.dump(1) + "\n");
}

TrainingState load_training_state(const std::string& folder) {
  const std::string path = state_path(folder);
  const nlohmann::json json = formats::parse_json(base::read_file(path, kMaxStateBytes), path);
  TrainingState state;
  try {
    read_count(json, "step", path, state.step);
    read_count(json, "stage_idx", path, state.stage_idx);
    read_count(json, "stage_step", path, state.stage_step);
    json.at("is_stage_end").get_to(state.is_stage_end);
    read_count(json, "tokens", path, state.tokens);
    json.at("seconds").get_to(state.seconds);
    json.at("value_accuracy_mean").get_to(state.value_accuracy_mean);
    json.at("interval_loss").get_to(state.interval_loss);
    if (json.contains("interval_steps")) {  // older versions did not write it
      read_count(json, "interval_steps", path, state.interval_steps);
    }
    read_if_there(json, "data_manifest_sha256", state.data_manifest_sha256);
    read_if_there(json, "rows_sha256", state.rows_sha256);
  } catch (const nlohmann::json::exception&) {
    throw base::Error(base::ErrorCode::kInvalidFile, "this is no state of a training run", path);
  }
  return state;
}

void require_stage(const TrainingState& state, const std::string& folder, int64_t stages) {
  if (state.stage_idx >= stages) {
    base::throw_error(base::ErrorCode::kInvalidFile, state_path(folder),
                      "stage_idx is {}, but the recipe of the run has {} stages, counted from 0",
                      state.stage_idx, stages);
  }
}

}  // namespace levin::train::run
