// Bytes of an HTTP/1.x response.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "serve/http/exchange.h"

namespace levin::serve::http {

/// "Not Found" for 404; "Status" for a code without a name here.
[[nodiscard]] std::string_view reason_phrase(int status) noexcept;

/// True for 1xx, 204 and 304: no body, no Content-Type, no length.
[[nodiscard]] bool has_no_body(int status) noexcept;

/// How the end of the body is told.
enum class Framing { kLength, kChunked, kUntilClose };

struct ResponseHead {
  int status = 200;
  std::string_view content_type;  ///< empty: not sent
  const Headers* headers = nullptr;
  const Headers* defaults = nullptr;  ///< sent unless `headers` has the name
  Framing framing = Framing::kLength;
  size_t content_length = 0;  ///< for kLength
  bool is_last = false;       ///< the connection closes behind this response
};

/// Status line and headers with the empty line. Control characters in header values become blanks.
[[nodiscard]] std::string format_head(const ResponseHead& head);

/// One chunk of the chunked encoding; empty for an empty piece.
[[nodiscard]] std::string format_chunk(std::string_view piece);

/// The chunk that ends a body, with a header that was not known before unless its value is empty.
[[nodiscard]] std::string format_last_chunk(std::string_view trailer, std::string_view value);

}  // namespace levin::serve::http
