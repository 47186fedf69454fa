// A line at the end of a file.
#pragma once

#include <string>

namespace levin::base {

/// Appends `line` and a line feed; makes the file if it is not there. Throws Error(kIo), also when
/// the disk is full.
void append_line(const std::string& path, const std::string& line);

}  // namespace levin::base
