// Text that comes in from files and standard input.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace levin::cli {

/// The largest text that a command reads.
inline constexpr int64_t kMaxTextBytes = int64_t{1} << 30;

/// Everything on standard input. Throws Error(kIo), Error(kInvalidArgument) beyond kMaxTextBytes,
/// Error(kCancelled) on Ctrl-C.
std::string read_stdin();

/// Content of a file, or standard input for "-". Throws as base::read_file and read_stdin do, and
/// Error(kInvalidArgument) for an empty name.
std::string read_text(const std::string& path);

/// The texts of several files, joined by a blank line.
std::string read_documents(const std::vector<std::string>& paths);

/// Throws unless `folder` is a folder that holds `file`, which `argument` (MODEL, DIR) stands for:
/// Error(kInvalidArgument) if it is empty or names something else, Error(kNotFound) if folder or
/// file are not there, Error(kIo) if the system does not let the program see.
void require_in_folder(const std::string& folder, const char* file, const char* argument);

/// Warns once on stderr if ill-formed UTF-8 was replaced.
void warn_about_replacements(int64_t replacements, const std::string& where);

/// How a message names the text of read_text(`path`).
[[nodiscard]] std::string input_name(const std::string& path);

/// Ids of a token file: a safetensors file with I64 `tokens` [n], or text with ids, separated by
/// blanks or commas or as a JSON list (what `levin tokenize` prints); "-" is such a text on
/// standard input. Throws Error(kInvalidFile) for other content and for ids outside
/// [0, vocab_size), Error(kInvalidArgument) if there is none.
std::vector<int32_t> read_token_ids(const std::string& path, int64_t vocab_size);

/// As read_token_ids for text, which may hold none.
std::vector<int32_t> parse_token_ids(const std::string& text, const std::string& where,
                                     int64_t vocab_size);

}  // namespace levin::cli
