// The chat page as bytes: what web/dist holds, inside the program.
#pragma once

#include <optional>
#include <string_view>

namespace levin::serve::web {

/// A file of the page. Everything lives as long as the program.
struct Asset {
  std::string_view bytes;
  std::string_view content_type;   ///< with charset where it is text
  std::string_view etag;           ///< strong, in quotes, as the header wants it
  std::string_view cache_control;  ///< value of Cache-Control
};

/// The file for a request path ("/", "/index.html", "/assets/..."), "/" being the page itself;
/// nothing for any other path. Names below /assets/ contain a hash of their content and may be
/// cached forever; the rest has to be asked for again, and is then compared by its ETag.
[[nodiscard]] std::optional<Asset> find_web_asset(std::string_view path);

/// Content-Security-Policy for the page: it loads nothing from elsewhere and runs no inline code.
[[nodiscard]] std::string_view content_security_policy();

}  // namespace levin::serve::web
