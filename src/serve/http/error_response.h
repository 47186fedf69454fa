// Errors as OpenAI's and DeepSeek's APIs send them.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "serve/http/exchange.h"

namespace levin::serve::http {

/// What an error body says besides its message.
struct ErrorFields {
  std::string type = {};   ///< empty: by the status (error_type)
  std::string param = {};  ///< the request's field at fault; empty: null
  std::string code = {};   ///< empty: as type
};

/// {"error":{"message","type","param","code"}}. Ill-formed UTF-8 in the message is replaced.
[[nodiscard]] std::string error_body(int status, std::string_view message,
                                     const ErrorFields& fields = {});

/// A response with that body; 401 has WWW-Authenticate, 429 and 503 Retry-After.
[[nodiscard]] Response error_response(int status, std::string_view message,
                                      const ErrorFields& fields = {});

/// "invalid_request_error", "authentication_error", ...: the type that goes with a status.
[[nodiscard]] std::string_view error_type(int status);

/// The one place where error codes become HTTP status.
[[nodiscard]] int http_status(base::ErrorCode code);

/// The response to what a handler threw. The message of a 500 tells nothing of the inside; the
/// log has it, under the request's id.
[[nodiscard]] Response error_response(const base::Error& error);

}  // namespace levin::serve::http
