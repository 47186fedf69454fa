#include "serve/api/api_error.h"

#include <string_view>

namespace levin::serve::api {
namespace {

/// The path that begins errors of parsers: "messages[3].role: ...".
std::string leading_path(std::string_view message) {
  const size_t end = message.find(": ");
  return end != std::string_view::npos && end < message.find(' ')
             ? std::string(message.substr(0, end))
             : std::string();
}

}  // namespace

ApiError invalid_format(const std::string& message) { return {400, message}; }

ApiError invalid_parameter(const std::string& param, const std::string& message) {
  return {422, param + ": " + message, {.type = "", .param = param, .code = "invalid_parameter"}};
}

ApiError too_long(const std::string& message) {
  return {400, message, {.type = "", .param = "", .code = "context_length_exceeded"}};
}

ApiError to_api_error(const base::Error& error) {
  const int status = http::http_status(error.code());
  if (error.code() == base::ErrorCode::kContextTooLong) {
    return too_long(error.what());
  }
  if (status == 422) {
    return {status,
            error.what(),
            {.type = "", .param = leading_path(error.what()), .code = "invalid_parameter"}};
  }
  if (status == 500) {
    return {status, "the server failed; its log has the reason"};
  }
  return {status, error.what()};
}

http::Response error_response(const ApiError& error) {
  http::Response response = http::error_response(error.status(), error.what(), error.fields());
  if (error.retry_after_s() > 0) {
    std::erase_if(response.headers,
                  [](const auto& header) { return header.first == "Retry-After"; });
    response.headers.emplace_back("Retry-After", std::to_string(error.retry_after_s()));
  }
  return response;
}

}  // namespace levin::serve::api
