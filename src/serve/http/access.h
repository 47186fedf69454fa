// Who may ask what from where: Host, Origin, CORS and content type, judged before a body is read.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serve/http/exchange.h"
#include "serve/http/request_parser.h"

namespace levin::serve::http {

class AccessRules {
 public:
  /// The lists of ServerOptions.
  AccessRules(std::vector<std::string> allowed_hosts, std::vector<std::string> cors_origins);

  /// Why this request is not answered: 403 for a Host that is neither an address, nor localhost,
  /// nor listed (DNS rebinding), 403 for an Origin that is neither the Host's own nor listed, 415
  /// for a POST that is not application/json (a page of another site can send no such POST
  /// unasked). Nothing if it may pass.
  [[nodiscard]] std::optional<Response> refusal(const RequestHead& head) const;

  /// Access-Control-* for an allowed foreign origin; none for requests of no or the same origin.
  [[nodiscard]] Headers cors_headers(const RequestHead& head) const;

  /// True for the OPTIONS request by which a browser asks leave.
  [[nodiscard]] static bool is_preflight(const RequestHead& head);
  /// The answer to it; cors_headers come on top.
  [[nodiscard]] static Response preflight_response(const RequestHead& head);

 private:
  [[nodiscard]] bool is_host_allowed(std::string_view host) const;
  [[nodiscard]] bool is_origin_listed(std::string_view origin) const;

  std::vector<std::string> allowed_hosts_;
  std::vector<std::string> cors_origins_;
};

/// Headers that every response carries: nosniff, no referrer, no framing, no caching. A response
/// that sets one of them itself wins.
[[nodiscard]] const Headers& security_headers();

}  // namespace levin::serve::http
