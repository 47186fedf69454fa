// Command lines that cannot be parsed, as sentences.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace levin::cli {

/// What is wrong with the command line that `app` refused with `error`, and which help to read.
[[nodiscard]] std::string usage_message(const CLI::App& app, const CLI::ParseError& error);

}  // namespace levin::cli
