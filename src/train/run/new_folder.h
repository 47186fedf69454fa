// A folder that appears whole or not at all.
#pragma once

#include <string>

#include "base/function_ref.h"

namespace levin::train::run {

/// Throws Error(kInvalidArgument) if `path` is empty or there already.
void require_new_folder(const std::string& path);

/// Lets `write` fill the folder `path` + `part_suffix`, then renames it to `path`. Whatever an
/// earlier call left under that name is removed first: the suffix must be the caller's alone.
/// Whatever is thrown removes the part; file system errors become Error(kIo).
void write_new_folder(const std::string& path, const std::string& part_suffix,
                      base::FunctionRef<void(const std::string& part)> write);

}  // namespace levin::train::run
