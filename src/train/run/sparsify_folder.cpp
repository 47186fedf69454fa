#include "train/run/sparsify_folder.h"

#include <filesystem>
#include <utility>

#include "base/durable.h"
#include "base/error.h"
#include "base/files.h"
#include "formats/json.h"
#include "train/run/version.h"

namespace levin::train::run {
namespace {

namespace fs = std::filesystem;

using base::ErrorCode;
using base::throw_error;
using Json = nlohmann::ordered_json;

/// Of no other command: what lies there is this one's to go on with, or to remove.
constexpr const char* kSparsifyPartSuffix = ".sparsify-part";

constexpr int64_t kMaxRecordBytes = int64_t{1} << 22;

std::string record_path(const std::string& folder) { return folder + "/sparsify.json"; }

/// What stands in the record; nothing if there is none.
nlohmann::json read_record(const std::string& folder) {
  const std::string path = record_path(folder);
  if (!fs::exists(path)) {
    return nullptr;
  }
  nlohmann::json record = formats::parse_json(base::read_file(path, kMaxRecordBytes), path);
  if (!record.is_object() || !record.contains("options") || !record.contains("layers")) {
    throw base::Error(ErrorCode::kInvalidFile, "this is no record of sparsify", path);
  }
  return record;
}

/// The first option in which a record differs from `identity`; empty if none does.
std::string first_difference(const nlohmann::json& record, const Json& identity) {
  const nlohmann::json& options = record.at("options");
  for (const auto& [name, value] : identity.items()) {
    if (!options.contains(name) || options.at(name) != nlohmann::json(value)) {
      return name;
    }
  }
  return "";
}

}  // namespace

SparsifyFolder::SparsifyFolder(const std::string& out, Json identity, StartMode mode)
    : out_(base::without_final_slashes(out)),
      part_(out_ + kSparsifyPartSuffix),
      identity_(std::move(identity)) {
  base::make_folder(part_);
  lock_.emplace(part_);
  claim(mode);
}

SparsifyFolder::~SparsifyFolder() {
  if (!is_finished_ && layers_.empty()) {
    std::error_code ignored;
    fs::remove_all(part_, ignored);
  }
}

void SparsifyFolder::claim(StartMode mode) {
  const nlohmann::json record = read_record(part_);
  const bool has_layers = !record.is_null() && !record.at("layers").empty();
  if (!has_layers) {  // nothing that could be lost
    for (const fs::directory_entry& entry : fs::directory_iterator(part_)) {
      if (entry.path().filename() != kLockName) {
        fs::remove_all(entry.path());
      }
    }
    return;
  }
  if (mode == StartMode::kFresh) {
    throw_error(ErrorCode::kInvalidArgument, part_,
                "{} layers of an unfinished sparsify lie here; go on with --resume, or remove the "
                "folder",
                record.at("layers").size());
  }
  const std::string difference = first_difference(record, identity_);
  if (!difference.empty()) {
    throw_error(ErrorCode::kInvalidArgument, part_,
                "this unfinished sparsify was begun with another {}; repeat its command line with "
                "--resume, or remove the folder",
                difference);
  }
  try {
    for (const nlohmann::json& layer : record.at("layers")) {
      layers_.push_back({layer.at("kl_first").get<double>(), layer.at("kl_last").get<double>()});
    }
  } catch (const nlohmann::json::exception&) {
    throw base::Error(ErrorCode::kInvalidFile, "this is no record of sparsify", record_path(part_));
  }
}

void SparsifyFolder::finish_layer(const LayerKl& kl) {
  layers_.push_back(kl);
  write_record();
  base::sync_path(part_);
}

void SparsifyFolder::write_record() const {
  Json layers = Json::array();
  for (const LayerKl& kl : layers_) {
    layers.push_back({{"kl_first", kl.first}, {"kl_last", kl.last}});
  }
  const Json record = {{"levin_train", version()}, {"options", identity_}, {"layers", layers}};
  base::write_file_atomically(record_path(part_), record.dump(1) + "\n");
}

void SparsifyFolder::finish() {
  fs::remove(fs::path(part_) / kLockName);
  base::sync_folder(part_);
  fs::rename(part_, out_);
  is_finished_ = true;
  base::sync_path(fs::absolute(out_).lexically_normal().parent_path().string());
}

int64_t SparsifyFolder::held_bytes() const {
  int64_t bytes = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(part_)) {
    bytes += static_cast<int64_t>(entry.file_size());
  }
  return bytes;
}

bool is_sparsified(const std::string& out, const Json& identity) {
  const nlohmann::json record = read_record(out);
  return !record.is_null() && first_difference(record, identity).empty();
}

}  // namespace levin::train::run
