// data.json: what a data folder holds and where it came from.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace levin::train::data {

struct Manifest {
  std::string recipe;
  int32_t vocab_size = 0;
  bool has_given_tokenizer = false;  ///< of a model, not trained here; in the file only if true
  std::map<std::string, std::string> files;  ///< path in the folder to SHA-256
};

[[nodiscard]] std::string manifest_text(const Manifest& manifest);

/// Reads `folder`/data.json; nothing if it is not there. Throws Error(kInvalidFile) naming the key
/// if it is no manifest of this version.
[[nodiscard]] std::optional<Manifest> read_manifest(const std::string& folder);

/// Throws Error(kInvalidFile) naming the first file that is missing or has another checksum.
void check_files(const Manifest& manifest, const std::string& folder);

/// The manifest's own checksum.
[[nodiscard]] std::string manifest_sha256(const Manifest& manifest);

}  // namespace levin::train::data
