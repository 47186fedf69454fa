// The bytes of web/dist, linked into the program by cmake/embed.cmake.
#pragma once

#include <span>
#include <string_view>

namespace levin::serve::web {

struct EmbeddedFile {
  std::string_view path;  ///< below web/dist, with a leading slash
  const char* begin;      ///< first byte
  const char* end;        ///< behind the last byte
  std::string_view sha256;
};

/// In the order of their paths.
extern const std::span<const EmbeddedFile> kEmbeddedFiles;

}  // namespace levin::serve::web
