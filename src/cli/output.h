// Standard output, with every failure noticed.
#pragma once

#include <exception>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/error.h"

namespace levin::cli {

/// The reader of standard output has gone (`| head`): the program ends quietly, with exit code 0.
struct OutputClosed : std::exception {};

/// Standard output cannot be written: kIo, and the end of every command.
struct OutputFailed : base::Error {
  explicit OutputFailed(const std::string& message)
      : Error(base::ErrorCode::kIo, message, "standard output") {}
};

/// Writes at once, unbuffered. Throws OutputFailed if it cannot, OutputClosed if nobody reads.
void write_output(std::string_view text);

/// `value` on lines of its own, indented. Text that is not UTF-8 is repaired.
[[nodiscard]] std::string json_text(const nlohmann::json& value);

/// json_text to standard output.
void write_json(const nlohmann::json& value);

/// Puts something that fails every read and write in the place of standard streams that the caller
/// closed, so that no file opened later takes their numbers and receives their text.
void occupy_standard_streams();

/// Writes to a closed pipe or beyond the limit of file sizes fail instead of killing the program.
void ignore_write_signals();

}  // namespace levin::cli
