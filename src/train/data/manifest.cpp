#include "train/data/manifest.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "formats/json.h"
#include "train/data/sha256.h"

namespace levin::train::data {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using nlohmann::json;

constexpr int kVersion = 1;
constexpr const char* kGivenTokenizer = "has_given_tokenizer";
constexpr int64_t kMaxManifestBytes = int64_t{1} << 20;
constexpr int64_t kMaxFileBytes = int64_t{256} << 20;

std::string manifest_path(const std::string& folder) {
  return (fs::path(folder) / "data.json").string();
}

const json& member(const json& root, const char* key, json::value_t type, const std::string& path) {
  if (!root.is_object() || !root.contains(key) ||
      (root[key].type() != type &&
       !(type == json::value_t::number_integer && root[key].is_number_integer()))) {
    base::throw_error(ErrorCode::kInvalidFile, path,
                      "the key {} is missing or of another type: this is no manifest of training "
                      "data",
                      key);
  }
  return root[key];
}

}  // namespace

std::string manifest_text(const Manifest& manifest) {
  json root = {{"version", kVersion},
               {"recipe", manifest.recipe},
               {"vocab_size", manifest.vocab_size},
               {"files", manifest.files}};
  if (manifest.has_given_tokenizer) {
    root[kGivenTokenizer] = true;
  }
  return root.dump(1) + "\n";
}

std::optional<Manifest> read_manifest(const std::string& folder) {
  const std::string path = manifest_path(folder);
  if (!fs::exists(path)) {
    return std::nullopt;
  }
  const json root = formats::parse_json(base::read_file(path, kMaxManifestBytes), path);
  const auto version = member(root, "version", json::value_t::number_integer, path).get<int64_t>();
  if (version != kVersion) {
    base::throw_error(ErrorCode::kInvalidFile, path,
                      "version {} expected, got {}: build the data into another folder", kVersion,
                      version);
  }
  Manifest manifest;
  manifest.recipe = member(root, "recipe", json::value_t::string, path).get<std::string>();
  manifest.vocab_size =
      member(root, "vocab_size", json::value_t::number_integer, path).get<int32_t>();
  manifest.has_given_tokenizer =
      root.contains(kGivenTokenizer) &&
      member(root, kGivenTokenizer, json::value_t::boolean, path).get<bool>();
  for (const auto& [file, sha256] : member(root, "files", json::value_t::object, path).items()) {
    if (!sha256.is_string()) {
      base::throw_error(ErrorCode::kInvalidFile, path, "files.{}: a checksum expected", file);
    }
    manifest.files[file] = sha256.get<std::string>();
  }
  return manifest;
}

void check_files(const Manifest& manifest, const std::string& folder) {
  for (const auto& [file, expected] : manifest.files) {
    const std::string path = (fs::path(folder) / file).string();
    if (!fs::exists(path)) {
      throw base::Error(ErrorCode::kInvalidFile,
                        "the file is missing: remove the data folder and build it again", path);
    }
    const std::string sha256 = sha256_hex(base::read_file(path, kMaxFileBytes));
    if (sha256 != expected) {
      base::throw_error(ErrorCode::kInvalidFile, path,
                        "the checksum is {}, the manifest says {}: remove the data folder and "
                        "build it again",
                        sha256, expected);
    }
  }
}

std::string manifest_sha256(const Manifest& manifest) {
  return sha256_hex(manifest_text(manifest));
}

}  // namespace levin::train::data
