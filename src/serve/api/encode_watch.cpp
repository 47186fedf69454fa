#include "serve/api/encode_watch.h"

#include <utility>

#include "serve/api/api_error.h"

namespace levin::serve::api {

text::EncodeWatch watch_encoding(const http::Responder& responder, int64_t most_tokens,
                                 std::string message) {
  return [&responder, most_tokens, message = std::move(message)](int64_t tokens) {
    if (responder.is_closed()) {
      throw ApiError(kClientGone, "the client has gone");
    }
    if (tokens > most_tokens) {
      throw too_long(message);
    }
  };
}

}  // namespace levin::serve::api
