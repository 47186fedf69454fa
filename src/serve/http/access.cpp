#include "serve/http/access.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <utility>

#include "serve/http/error_response.h"

namespace levin::serve::http {
namespace {

/// "name:80" -> "name", "[::1]:80" -> "::1".
std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) {
    return host.substr(1, host.find(']') == std::string_view::npos ? 0 : host.find(']') - 1);
  }
  return host.substr(0, host.rfind(':'));
}

bool is_address(std::string_view name) {
  boost::system::error_code error;
  boost::asio::ip::make_address(std::string(name), error);
  return !error;
}

bool is_same_origin(std::string_view origin, std::string_view host) {
  const size_t slashes = origin.find("://");
  return slashes != std::string_view::npos && is_same_name(origin.substr(slashes + 3), host);
}

bool is_json(std::string_view content_type) {
  std::string_view media = content_type.substr(0, content_type.find(';'));
  while (media.ends_with(' ') || media.ends_with('\t')) {
    media.remove_suffix(1);
  }
  return is_same_name(media, "application/json");
}

/// Header names and commas: what may be echoed.
bool is_name_list(std::string_view text) {
  return text.size() <= 1024 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == ',' || c == ' ';
         });
}

}  // namespace

AccessRules::AccessRules(std::vector<std::string> allowed_hosts,
                         std::vector<std::string> cors_origins)
    : allowed_hosts_(std::move(allowed_hosts)), cors_origins_(std::move(cors_origins)) {}

bool AccessRules::is_host_allowed(std::string_view host) const {
  const std::string_view name = without_port(host);
  // Rebinding needs a name of the attacker's: addresses are no names, localhost is not his.
  return is_same_name(name, "localhost") || is_address(name) ||
         std::any_of(allowed_hosts_.begin(), allowed_hosts_.end(), [&](const std::string& allowed) {
           return allowed == "*" || is_same_name(allowed, name) || is_same_name(allowed, host);
         });
}

bool AccessRules::is_origin_listed(std::string_view origin) const {
  return std::any_of(cors_origins_.begin(), cors_origins_.end(), [&](const std::string& listed) {
    return listed == "*" || is_same_name(listed, origin);
  });
}

std::optional<Response> AccessRules::refusal(const RequestHead& head) const {
  const std::string_view host = find_header(head.headers, "Host");
  if (!(head.is_http_1_0 && host.empty()) && !is_host_allowed(host)) {
    return error_response(
        403, "Host \"" + std::string(host) + "\" is not served here; --allowed-host adds a name");
  }
  const std::string_view origin = find_header(head.headers, "Origin");
  if (!origin.empty() && !is_same_origin(origin, host) && !is_origin_listed(origin)) {
    return error_response(403, "pages of origin \"" + std::string(origin) +
                                   "\" may not call this server; --cors-origin adds an origin");
  }
  const std::string_view content_type = find_header(head.headers, "Content-Type");
  if (head.method == "POST" && !is_json(content_type)) {
    return error_response(
        415, "Content-Type: application/json expected, got \"" + std::string(content_type) + "\"");
  }
  const std::string_view coding = find_header(head.headers, "Content-Encoding");
  if (!coding.empty() && !is_same_name(coding, "identity")) {
    return error_response(415, "Content-Encoding \"" + std::string(coding) +
                                   "\" is not understood; send the body as it is");
  }
  return std::nullopt;
}

Headers AccessRules::cors_headers(const RequestHead& head) const {
  const std::string_view origin = find_header(head.headers, "Origin");
  if (origin.empty() || !is_origin_listed(origin)) {
    return {};
  }
  return {{"Access-Control-Allow-Origin", std::string(origin)},
          {"Access-Control-Expose-Headers", "X-Request-Id, X-Levin-Cost-Usd, Retry-After"},
          {"Vary", "Origin"}};
}

bool AccessRules::is_preflight(const RequestHead& head) {
  return head.method == "OPTIONS" &&
         !find_header(head.headers, "Access-Control-Request-Method").empty();
}

Response AccessRules::preflight_response(const RequestHead& head) {
  // Clients add headers of their own (x-stainless-...): an allowed origin may send what it likes.
  std::string asked(find_header(head.headers, "Access-Control-Request-Headers"));
  Response response;
  response.status = 204;
  response.headers = {
      {"Access-Control-Allow-Methods", "GET, POST, OPTIONS"},
      {"Access-Control-Allow-Headers",
       asked.empty() || !is_name_list(asked) ? "authorization, content-type" : std::move(asked)},
      {"Access-Control-Max-Age", "600"}};
  return response;
}

const Headers& security_headers() {
  static const Headers headers = {{"X-Content-Type-Options", "nosniff"},
                                  {"X-Frame-Options", "DENY"},
                                  {"Referrer-Policy", "no-referrer"},
                                  {"Content-Security-Policy",
                                   "default-src 'none'; "
                                   "frame-ancestors 'none'"},
                                  {"Cache-Control", "no-store"}};
  return headers;
}

}  // namespace levin::serve::http
