// Lines for the user of a program beside its output.
#pragma once

#include <string_view>

namespace levin::base {

/// A line on stderr at once, for the programs themselves (log.h is for what lies below); failures
/// are ignored.
void write_notice(std::string_view line);

}  // namespace levin::base
