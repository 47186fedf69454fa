#include "formats/checkpoint_index.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "formats/json.h"

namespace levin::formats {
namespace {

using base::ErrorCode;
using base::throw_error;
using nlohmann::json;

constexpr std::string_view kExtension = ".safetensors";
constexpr size_t kMaxNameBytes = 255;  // of a file on Linux

bool is_plain_character(char c) {
  return static_cast<unsigned char>(c) >= 0x20 && c != 0x7F && c != '/' && c != '\\';
}

bool is_plain_file_name(std::string_view name) {
  return name.size() > kExtension.size() && name.size() <= kMaxNameBytes &&
         name.ends_with(kExtension) && std::ranges::all_of(name, is_plain_character) &&
         name.find("..") == std::string_view::npos;
}

std::optional<int64_t> read_total_size(const json& index) {
  const auto metadata = index.find("metadata");
  if (metadata == index.end() || !metadata->is_object()) {
    return std::nullopt;
  }
  const auto total = metadata->find("total_size");
  if (total == metadata->end() || !total->is_number_unsigned()) {
    return std::nullopt;
  }
  return total->get<int64_t>();
}

}  // namespace

CheckpointIndex parse_checkpoint_index(std::string_view text, const std::string& where) {
  const json document = parse_json(text, where);
  const auto found = document.is_object() ? document.find("weight_map") : document.end();
  if (found == document.end() || !found->is_object()) {
    throw base::Error(ErrorCode::kInvalidFile,
                      "an object with \"weight_map\": {tensor name: file name} is expected", where);
  }
  CheckpointIndex index;
  index.total_size = read_total_size(document);
  for (const auto& item : found->items()) {
    if (!item.value().is_string()) {
      throw_error(ErrorCode::kInvalidFile, where, "weight_map {} must be a file name",
                  base::quote(item.key()));
    }
    auto file_name = item.value().get<std::string>();
    if (!is_plain_file_name(file_name)) {
      throw_error(ErrorCode::kInvalidFile, where,
                  "weight_map {} names {}, where a plain *.safetensors name in the same folder "
                  "is expected",
                  base::quote(item.key()), base::quote(file_name));
    }
    index.weight_map.emplace_hint(index.weight_map.end(), item.key(), std::move(file_name));
  }
  return index;
}

}  // namespace levin::formats
