// Small files read and written whole; names of folders.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"

namespace levin::base {

/// Whole content of a (small) file. Throws Error(kNotFound|kIo); Error(kInvalidFile) beyond
/// `max_bytes`.
std::string read_file(const std::string& path, int64_t max_bytes);

/// As read_file for one that somebody else has put into a folder: a pipe, a device or a folder is
/// an Error(kIo), since reading it may never end.
std::string read_regular_file(const std::string& path, int64_t max_bytes);

/// Whether something lies at `path`, behind links too. Throws Error(kIo) where the system does not
/// say, as of folders that are not to be entered and of links in a circle.
bool exists(const std::string& path);

/// Whether that is a folder. Throws as exists().
bool is_folder(const std::string& path);

/// What the standard library could not do to a file or two, with the code that throw_errno gives.
Error to_error(const std::filesystem::filesystem_error& error);

/// Throws Error(kIo) if something that is no regular file (a device, a folder, a pipe) lies at
/// `path`: renaming a new file onto it would replace it.
void require_replaceable(const std::string& path);

/// Throws as write_file_atomically would for a file at `path` that cannot be made, before there is
/// anything to write.
void require_writable(const std::string& path);

/// Writes `content` under a temporary name in the same folder, fsyncs, renames and flushes the
/// folder's entry: the file is there whole or not at all, and stays. Throws Error(kNotFound | kIo),
/// also if `path` is no regular file.
void write_file_atomically(const std::string& path, std::string_view content);

/// `path` without slashes at its end, so that a suffix names a neighbour of it and nothing inside.
std::string without_final_slashes(std::string path);

}  // namespace levin::base
