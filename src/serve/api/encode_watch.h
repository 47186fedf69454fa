// Ends the encoding of a text that nobody can use.
#pragma once

#include <cstdint>
#include <string>

#include "serve/http/exchange.h"
#include "text/tokenizer.h"

namespace levin::serve::api {

/// Throws ApiError once the text has more than `most_tokens` (too_long with `message`), or the
/// client of `responder`, which outlives the watch, has gone.
[[nodiscard]] text::EncodeWatch watch_encoding(const http::Responder& responder,
                                               int64_t most_tokens, std::string message);

}  // namespace levin::serve::api
