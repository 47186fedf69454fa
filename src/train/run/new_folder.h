// A folder that appears whole or not at all.
#pragma once

#include <string>

#include "base/function_ref.h"

namespace levin::train::run {

/// Throws Error(kInvalidArgument) if `path` is empty or there already.
void require_new_folder(const std::string& path);

/// Lets `write` fill the folder `path`.part, then renames it to `path`. Whatever is thrown removes
/// the part; file system errors become Error(kIo).
void write_new_folder(const std::string& path,
                      base::FunctionRef<void(const std::string& part)> write);

}  // namespace levin::train::run
