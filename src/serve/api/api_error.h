// A refusal on its way to the client.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include "base/error.h"
#include "serve/http/error_response.h"
#include "serve/http/exchange.h"

namespace levin::serve::api {

/// An answer other than 200. `what()` is one sentence for the user of the API.
class ApiError : public std::runtime_error {
 public:
  ApiError(int status, const std::string& message, http::ErrorFields fields = {},
           int64_t retry_after_s = 0)
      : std::runtime_error(message),
        status_(status),
        fields_(std::move(fields)),
        retry_after_s_(retry_after_s) {}

  [[nodiscard]] int status() const noexcept { return status_; }
  [[nodiscard]] const http::ErrorFields& fields() const noexcept { return fields_; }
  /// For the Retry-After header; 0: the status decides.
  [[nodiscard]] int64_t retry_after_s() const noexcept { return retry_after_s_; }

 private:
  int status_;
  http::ErrorFields fields_;
  int64_t retry_after_s_;
};

/// In metrics and the log alone, as nginx counts them: nobody was there to be answered.
inline constexpr int kClientGone = 499;

/// 400: the body as a whole cannot be read.
[[nodiscard]] ApiError invalid_format(const std::string& message);
/// 422: the field `param` ("messages[2].role") cannot be used.
[[nodiscard]] ApiError invalid_parameter(const std::string& param, const std::string& message);

/// 400 with the code context_length_exceeded.
[[nodiscard]] ApiError too_long(const std::string& message);

/// By http::http_status. A context that is too long is too_long; a path that begins the message
/// ("messages[2].role: ...") becomes the param; a status of 500 hides the message, which is for the
/// log.
[[nodiscard]] ApiError to_api_error(const base::Error& error);

[[nodiscard]] http::Response error_response(const ApiError& error);

}  // namespace levin::serve::api
