#include "cli/input.h"

#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <concepts>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "cli/interrupt.h"
#include "formats/json.h"
#include "formats/safetensors.h"
#include "formats/tensor_values.h"

namespace levin::cli {
namespace {

using base::ErrorCode;

constexpr std::string_view kWhiteSpace = " \t\r\n";
constexpr std::string_view kSeparators = " \t\r\n,";

template <std::integral Id>
int32_t check_id(Id id, size_t position, const std::string& where, int64_t vocab_size) {
  if (std::cmp_less(id, 0) || std::cmp_greater_equal(id, vocab_size)) {
    base::throw_error(ErrorCode::kInvalidFile, where,
                      "token {} at position {} is outside the vocabulary [0, {})", id, position,
                      vocab_size);
  }
  return static_cast<int32_t>(id);
}

std::vector<int32_t> check_not_empty(std::vector<int32_t> ids, const std::string& where) {
  if (ids.empty()) {
    throw base::Error(ErrorCode::kInvalidArgument, "holds no tokens; at least one is needed",
                      where);
  }
  return ids;
}

std::vector<int32_t> read_tensor_ids(const std::string& path, int64_t vocab_size) {
  const formats::SafetensorsFile file(path);
  const formats::SafetensorsTensor* tokens = file.find("tokens");
  if (tokens == nullptr || tokens->dtype != tensor::DType::kI64 || tokens->shape.size() != 1) {
    base::throw_error(ErrorCode::kInvalidFile, path,
                      "wanted a tensor `tokens` of dtype I64 and shape [n], got {}",
                      tokens == nullptr
                          ? "none of that name"
                          : tokens->dtype_name + " " + formats::shape_text(tokens->shape));
  }
  std::vector<int32_t> ids;
  for (const int64_t id : formats::to_i64_values(*tokens, path)) {
    ids.push_back(check_id(id, ids.size(), path, vocab_size));
  }
  return check_not_empty(std::move(ids), path);
}

/// Ids of a JSON list.
std::vector<int32_t> parse_json_ids(const std::string& text, const std::string& where,
                                    int64_t vocab_size) {
  const auto list = formats::parse_json(text, where, {.depth = 2, .values = kMaxTextBytes});
  std::vector<int32_t> ids;
  ids.reserve(list.size());
  for (const nlohmann::json& id : list) {
    if (!id.is_number_integer()) {
      base::throw_error(ErrorCode::kInvalidFile, where, "token ids expected, entry {} is {} {}",
                        ids.size(), id.is_array() || id.is_object() ? "an" : "a", id.type_name());
    }
    ids.push_back(id.is_number_unsigned()
                      ? check_id(id.get<uint64_t>(), ids.size(), where, vocab_size)
                      : check_id(id.get<int64_t>(), ids.size(), where, vocab_size));
  }
  return ids;
}

}  // namespace

std::string read_stdin() {
  std::string content;
  char buffer[1 << 16];
  for (;;) {
    const ssize_t got = ::read(STDIN_FILENO, buffer, sizeof buffer);
    throw_if_interrupted();
    if (got < 0 && errno != EINTR) {
      base::throw_error(ErrorCode::kIo, "standard input", "cannot read: {}", std::strerror(errno));
    }
    if (got == 0) {
      return content;
    }
    content.append(buffer, static_cast<size_t>(got > 0 ? got : 0));
    if (static_cast<int64_t>(content.size()) > kMaxTextBytes) {
      base::throw_error(ErrorCode::kInvalidArgument, "standard input",
                        "is longer than {} bytes, the most that is read", kMaxTextBytes);
    }
  }
}

std::string read_text(const std::string& path) {
  if (path.empty()) {
    throw base::Error(ErrorCode::kInvalidArgument,
                      "a file name is empty; name a file, or \"-\" for standard input");
  }
  return path == "-" ? read_stdin() : base::read_file(path, kMaxTextBytes);
}

std::string input_name(const std::string& path) { return path == "-" ? "standard input" : path; }

std::string read_documents(const std::vector<std::string>& paths) {
  std::string joined;
  for (const std::string& path : paths) {
    if (&path != &paths.front()) {
      joined += "\n\n";
    }
    joined += read_text(path);
  }
  return joined;
}

void require_in_folder(const std::string& folder, const char* file, const char* argument) {
  if (folder.empty()) {
    throw base::Error(ErrorCode::kInvalidArgument, "is empty; name a folder", argument);
  }
  if (!base::exists(folder)) {
    base::throw_error(ErrorCode::kNotFound, folder, "there is no such folder; {} is one with {}",
                      argument, file);
  }
  if (!base::is_folder(folder)) {
    base::throw_error(ErrorCode::kInvalidArgument, folder,
                      "is no folder; {} is the folder that holds {}", argument, file);
  }
  if (!base::exists((std::filesystem::path(folder) / file).string())) {
    base::throw_error(ErrorCode::kNotFound, folder, "holds no {}; {} is a folder with one", file,
                      argument);
  }
}

void warn_about_replacements(int64_t replacements, const std::string& where) {
  if (replacements > 0) {
    base::log_warning("{}: {} ill-formed UTF-8 sequence{} read as U+FFFD", where, replacements,
                      replacements == 1 ? " was" : "s were");
  }
}

std::vector<int32_t> parse_token_ids(const std::string& text, const std::string& where,
                                     int64_t vocab_size) {
  const size_t first = text.find_first_not_of(kWhiteSpace);
  if (first != std::string::npos && text[first] == '[') {
    return parse_json_ids(text, where, vocab_size);
  }
  std::vector<int32_t> ids;
  std::string_view rest(text);
  for (;;) {
    rest.remove_prefix(std::min(rest.find_first_not_of(kSeparators), rest.size()));
    if (rest.empty()) {
      return ids;
    }
    const std::string_view word = rest.substr(0, rest.find_first_of(kSeparators));
    int64_t id = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), id);
    if (error != std::errc() || end != word.data() + word.size()) {
      base::throw_error(ErrorCode::kInvalidFile, where, "{} is not a token id", base::quote(word));
    }
    ids.push_back(check_id(id, ids.size(), where, vocab_size));
    rest.remove_prefix(word.size());
  }
}

std::vector<int32_t> read_token_ids(const std::string& path, int64_t vocab_size) {
  if (path.ends_with(".safetensors")) {
    return read_tensor_ids(path, vocab_size);
  }
  const std::string where = input_name(path);
  return check_not_empty(parse_token_ids(read_text(path), where, vocab_size), where);
}

}  // namespace levin::cli
