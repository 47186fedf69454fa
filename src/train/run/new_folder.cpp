#include "train/run/new_folder.h"

#include <filesystem>

#include "base/error.h"
#include "base/files.h"

namespace levin::train::run {

namespace fs = std::filesystem;

using base::ErrorCode;
using base::throw_error;

void require_new_folder(const std::string& path) {
  if (path.empty() || fs::exists(path)) {
    throw_error(ErrorCode::kInvalidArgument, path, "is there already; name a folder that is not");
  }
}

void write_new_folder(const std::string& path, const std::string& part_suffix,
                      base::FunctionRef<void(const std::string& part)> write) {
  const std::string folder = base::without_final_slashes(path);
  const std::string part = folder + part_suffix;
  try {
    fs::remove_all(part);
    fs::create_directories(part);
    write(part);
    fs::rename(part, folder);
  } catch (const fs::filesystem_error& error) {
    std::error_code ignored;
    fs::remove_all(part, ignored);
    throw_error(ErrorCode::kIo, path, "cannot write this folder: {}", error.code().message());
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(part, ignored);
    throw;
  }
}

}  // namespace levin::train::run
