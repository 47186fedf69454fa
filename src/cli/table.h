// Tables on stdout.
#pragma once

#include <string>
#include <vector>

namespace levin::cli {

/// Columns as wide as their widest cell, left-aligned; the first row is the header.
void print_table(const std::vector<std::vector<std::string>>& rows);

}  // namespace levin::cli
