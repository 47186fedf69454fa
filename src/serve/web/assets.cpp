#include "serve/web/assets.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "serve/web/embedded_files.h"

namespace levin::serve::web {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kContentTypes{{
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".json", "application/json"},
    {".txt", "text/plain; charset=utf-8"},
}};

std::string_view content_type_of(std::string_view path) {
  const auto* found = std::ranges::find_if(
      kContentTypes, [path](const auto& entry) { return path.ends_with(entry.first); });
  return found == kContentTypes.end() ? "application/octet-stream" : found->second;
}

/// The hashes in quotes, in the order of kEmbeddedFiles.
const std::vector<std::string>& etags() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> made;
    for (const EmbeddedFile& file : kEmbeddedFiles) {
      made.push_back('"' + std::string(file.sha256.substr(0, 32)) + '"');
    }
    return made;
  }();
  return all;
}

}  // namespace

std::optional<Asset> find_web_asset(std::string_view path) {
  const std::string_view wanted = path == "/" ? "/index.html" : path;
  const auto found = std::ranges::find(kEmbeddedFiles, wanted, &EmbeddedFile::path);
  if (found == kEmbeddedFiles.end()) {
    return std::nullopt;
  }
  const auto file_idx = static_cast<size_t>(found - kEmbeddedFiles.begin());
  return Asset{
      .bytes = {found->begin, static_cast<size_t>(found->end - found->begin)},
      .content_type = content_type_of(found->path),
      .etag = etags()[file_idx],
      .cache_control =
          wanted.starts_with("/assets/") ? "public, max-age=31536000, immutable" : "no-cache",
  };
}

std::string_view content_security_policy() {
  return "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
         "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'";
}

}  // namespace levin::serve::web
