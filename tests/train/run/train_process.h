// Runs the built `levin-train` as a user would, on a data folder and recipes of the tests.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "train/run/metrics.h"

namespace levin::testing {

struct TrainResult {
  int exit_code = -1;  ///< 128 + signal if one killed it
  std::string out;
  std::string err;
  int64_t peak_memory_bytes = 0;  ///< resident
};

struct TrainOptions {
  int kill_signal = 0;  ///< sent after kill_after_ms; 0: none
  int kill_times = 1;   ///< so often, a millisecond apart
  int kill_after_ms = 0;
  std::function<bool()> kill_when = {};  ///< the time counts from when this holds; empty: at once
  bool ignores_hangup = false;           ///< inherits SIGHUP as ignored, as by nohup
  int64_t file_size_bytes = 0;           ///< limit of files that it writes; 0: none
  int64_t memory_bytes = 0;              ///< limit of memory that is not mapped from files; 0: none
  std::vector<std::string> environment = {};  ///< more of it: "NAME=value"
};

/// `program` is LEVIN_TRAIN_BINARY or LEVIN_BINARY.
TrainResult run_program(const std::string& program, const std::vector<std::string>& args,
                        const TrainOptions& options = {});

/// run_program of levin-train on one thread.
TrainResult train(std::vector<std::string> args, const TrainOptions& options = {});

/// A data folder of a small corpus, built once per test process.
const std::string& small_data_folder();

/// The [data] of a recipe: that folder.
std::string small_data_section();

/// The [model] of a recipe whose model trains in a second.
std::string micro_model();

/// A recipe in `folder` for such a model: stages D (dense), W (warm-up) and S
/// (sparse) of a few steps. Returns its path.
std::string write_micro_recipe(const std::string& folder);

/// The model of stage D of a run of the micro recipe, trained in `folder`. Returns its folder.
std::string make_dense_model(const std::string& folder);

/// The folder of the last checkpoint of a run; empty if there is none.
std::string last_checkpoint(const std::string& run);

/// A checkpoint of a run.
std::string checkpoint_of_step(const std::string& run, int step);

/// Bytes of a file.
std::string file_bytes(const std::string& path);

}  // namespace levin::testing
