// Where sparsify works: OUT.sparsify-part, which becomes OUT when it is whole.
//   sparsify.json                   its options and the KL of every finished layer; stays in OUT
//   indexer-layer-0000.safetensors  a finished layer's indexer; stays in OUT
//   hidden-0.tmp, hidden-1.tmp      hidden states before and behind the layer in work
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "train/run/folder_lock.h"
#include "train/run/run_folder.h"

namespace levin::train::run {

/// KL of a layer's indexer.
struct LayerKl {
  double first = 0.0;  ///< of its first step
  double last = 0.0;   ///< mean over its last steps
};

/// One process at a time works in it. What finished layers have made stays if anything is thrown;
/// without a finished layer nothing is left behind.
class SparsifyFolder {
 public:
  /// `identity` holds every option that shapes the result, by its name on the command line.
  /// kFresh refuses a folder with finished layers; kResume goes on with it, or begins.
  /// Throws Error(kInvalidArgument) if the folder is of other options (naming the first) or in use,
  /// Error(kInvalidFile) if its record cannot be read, Error(kIo).
  SparsifyFolder(const std::string& out, nlohmann::ordered_json identity, StartMode mode);
  ~SparsifyFolder();
  SparsifyFolder(const SparsifyFolder&) = delete;
  SparsifyFolder& operator=(const SparsifyFolder&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return part_; }
  [[nodiscard]] int64_t finished_layers() const noexcept {
    return static_cast<int64_t>(layers_.size());
  }

  /// Records that the next layer is done; what it made must be on the disk. Throws Error(kIo).
  void finish_layer(const LayerKl& kl);
  /// Flushes the folder and gives it its name. Throws Error(kIo).
  void finish();

  /// Bytes of the files in the folder.
  [[nodiscard]] int64_t held_bytes() const;

 private:
  void claim(StartMode mode);
  void write_record() const;

  std::string out_;
  std::string part_;
  nlohmann::ordered_json identity_;
  std::vector<LayerKl> layers_;
  std::optional<FolderLock> lock_;
  bool is_finished_ = false;
};

/// Whether `out` is what sparsify made with these options. Throws Error(kInvalidFile | kIo).
[[nodiscard]] bool is_sparsified(const std::string& out, const nlohmann::ordered_json& identity);

}  // namespace levin::train::run
