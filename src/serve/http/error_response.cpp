#include "serve/http/error_response.h"

#include <nlohmann/json.hpp>

namespace levin::serve::http {

std::string_view error_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 402:
      return "insufficient_balance";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 429:
      return "rate_limit_error";
    case 503:
      return "overloaded_error";
    default:
      return status < 500 ? "invalid_request_error" : "server_error";
  }
}

int http_status(base::ErrorCode code) {
  switch (code) {
    case base::ErrorCode::kInvalidArgument:
    case base::ErrorCode::kUnsupported:
      return 422;
    case base::ErrorCode::kContextTooLong:
      return 400;
    case base::ErrorCode::kNotFound:
      return 404;
    case base::ErrorCode::kOutOfMemory:
    case base::ErrorCode::kCancelled:
      return 503;
    case base::ErrorCode::kInvalidFile:
    case base::ErrorCode::kIo:
    case base::ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

std::string error_body(int status, std::string_view message, const ErrorFields& fields) {
  const std::string type = fields.type.empty() ? std::string(error_type(status)) : fields.type;
  const nlohmann::ordered_json param =
      fields.param.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(fields.param);
  const nlohmann::ordered_json body = {{"error",
                                        {{"message", message},
                                         {"type", type},
                                         {"param", param},
                                         {"code", fields.code.empty() ? type : fields.code}}}};
  return body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

Response error_response(int status, std::string_view message, const ErrorFields& fields) {
  Response response;
  response.status = status;
  response.body = error_body(status, message, fields);
  if (status == 401) {
    response.headers.emplace_back("WWW-Authenticate", "Bearer");
  }
  if (status == 429 || status == 503) {
    response.headers.emplace_back("Retry-After", "1");
  }
  return response;
}

Response error_response(const base::Error& error) {
  const int status = http_status(error.code());
  if (status == 500) {
    return error_response(status,
                          "the server failed; its log has the reason under this request's id");
  }
  return error_response(status, error.what());
}

}  // namespace levin::serve::http
