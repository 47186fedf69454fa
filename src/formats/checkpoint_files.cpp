#include "formats/checkpoint_files.h"

#include <fmt/ranges.h>

#include <filesystem>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "formats/checkpoint_index.h"

namespace levin::formats {
namespace {

using base::ErrorCode;
using base::throw_error;

constexpr int64_t kMaxIndexBytes = int64_t{256} << 20;

std::string join(const std::string& folder, std::string_view name) {
  return (std::filesystem::path(folder) / name).string();
}

}  // namespace

CheckpointFiles::CheckpointFiles(const std::string& model_dir) : model_dir_(model_dir) {
  if (!base::is_folder(model_dir)) {
    throw base::Error(ErrorCode::kNotFound, "is not a folder; a checkpoint folder is expected",
                      model_dir);
  }
  const std::string index_path = join(model_dir, kIndexFileName);
  if (base::exists(index_path)) {
    has_index_ = true;
    open_indexed(index_path);
  } else if (base::exists(join(model_dir, kSingleFileName))) {
    open_single();
  } else {
    throw_error(ErrorCode::kNotFound, model_dir, "holds no weights: neither {} nor {} is there",
                kSingleFileName, kIndexFileName);
  }
}

void CheckpointFiles::open_single() {
  files_.push_back(std::make_unique<SafetensorsFile>(join(model_dir_, kSingleFileName)));
  const SafetensorsFile* file = files_.back().get();
  for (const auto& [name, tensor] : file->tensors()) {
    tensors_.emplace_hint(tensors_.end(), name, CheckpointTensor{&tensor, file});
  }
}

void CheckpointFiles::open_indexed(const std::string& index_path) {
  const auto index =
      parse_checkpoint_index(base::read_regular_file(index_path, kMaxIndexBytes), index_path);
  std::map<std::string, const SafetensorsFile*, std::less<>> by_name;
  for (const auto& [tensor_name, file_name] : index.weight_map) {
    if (!by_name.contains(file_name)) {
      files_.push_back(std::make_unique<SafetensorsFile>(join(model_dir_, file_name)));
      by_name.emplace(file_name, files_.back().get());
    }
  }
  int64_t total_bytes = 0;
  for (const auto& [tensor_name, file_name] : index.weight_map) {
    const SafetensorsFile* file = by_name.find(file_name)->second;
    const SafetensorsTensor* tensor = file->find(tensor_name);
    if (tensor == nullptr) {
      throw_error(ErrorCode::kInvalidFile, index_path,
                  "places tensor {} in {}, which does not hold it", base::quote(tensor_name),
                  file_name);
    }
    total_bytes += static_cast<int64_t>(tensor->bytes.size());
    tensors_.emplace_hint(tensors_.end(), tensor_name, CheckpointTensor{tensor, file});
  }
  if (index.total_size && *index.total_size != total_bytes) {
    base::log_warning("{}: total_size is {}, the tensors have {} bytes; ignored", index_path,
                      *index.total_size, total_bytes);
  }
  warn_about_unmapped(index_path);
}

void CheckpointFiles::warn_about_unmapped(const std::string& index_path) const {
  constexpr size_t kMaxListed = 5;
  int64_t count = 0;
  std::vector<std::string> listed;
  for (const auto& file : files_) {
    for (const auto& [name, tensor] : file->tensors()) {
      const CheckpointTensor* mapped = find(name);
      if (mapped != nullptr && mapped->file == file.get()) {
        continue;
      }
      ++count;
      if (listed.size() < kMaxListed) {
        listed.push_back(fmt::format("{} in {}", base::quote(name), file->file_name()));
      }
    }
  }
  if (count > 0) {
    base::log_warning("{}: {} tensors of its files that it does not map there ignored: {}{}",
                      index_path, count, fmt::join(listed, ", "),
                      count > std::ssize(listed) ? ", ..." : "");
  }
}

const CheckpointTensor* CheckpointFiles::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

std::string CheckpointFiles::list_path() const {
  return join(model_dir_, has_index_ ? kIndexFileName : kSingleFileName);
}

}  // namespace levin::formats
