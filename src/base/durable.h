// Files and folders that outlive a power failure.
#pragma once

#include <string>

namespace levin::base {

/// Flushes a file, or the entries of a folder, to the disk. Throws Error(kIo).
void sync_path(const std::string& path);

/// sync_path of every entry of a folder, then of the folder. Throws Error(kIo).
void sync_folder(const std::string& folder);

/// Flushes the entry of `path` in its folder, so that a rename to it outlives a power failure. A
/// file system that cannot flush folders is no error: the file itself is whole under either name.
void sync_entry_of(const std::string& path);

/// Makes a folder and those above it, and flushes the entry of each to the disk. Nothing happens to
/// one that is there. Throws Error(kIo).
void make_folder(const std::string& path);

}  // namespace levin::base
