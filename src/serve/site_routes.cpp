#include "serve/site_routes.h"

#include <memory>
#include <string>
#include <utility>

#include "serve/http/error_response.h"
#include "serve/web/assets.h"

namespace levin::serve {
namespace {

using ResponderPtr = std::shared_ptr<http::Responder>;

http::Response page_response(const http::Request& request) {
  const std::optional<web::Asset> asset = web::find_web_asset(request.path);
  if (!asset.has_value()) {
    return http::error_response(404, "no such path: " + request.path);
  }
  http::Response response;
  response.content_type = asset->content_type;
  response.headers = {
      {"Cache-Control", std::string(asset->cache_control)},
      {"ETag", std::string(asset->etag)},
      {"Content-Security-Policy", std::string(web::content_security_policy())},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Cross-Origin-Resource-Policy", "same-origin"},
      {"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
  };
  if (http::find_header(request.headers, "If-None-Match") == asset->etag) {
    response.status = 304;
  } else {
    response.body = asset->bytes;
  }
  return response;
}

void add_health_route(http::Router& router) {
  const auto answer = [](const http::Request&, const ResponderPtr& responder) {
    responder->send({.body = R"({"status":"ok"})"});
  };
  router.add("GET", "/health", answer, http::Lane::kQuick);
}

}  // namespace

void add_site_routes(http::Router& router, std::function<bool()> is_stopping) {
  add_health_route(router);
  auto answer_ready = [is_stopping = std::move(is_stopping)](const http::Request&,
                                                             const ResponderPtr& responder) {
    if (is_stopping()) {
      responder->send(http::error_response(503, "the server is about to stop"));
    } else {
      responder->send({.body = R"({"status":"ready"})"});
    }
  };
  router.add("GET", "/ready", std::move(answer_ready), http::Lane::kQuick);
  router.add("GET", "/*", [](const http::Request& request, const ResponderPtr& responder) {
    responder->send(page_response(request));
  });
}

void add_loading_routes(http::Router& router) {
  add_health_route(router);
  for (const char* method : {"GET", "POST"}) {
    router.add(method, "/*", [](const http::Request&, const ResponderPtr& responder) {
      responder->send(
          http::error_response(503, "the model is still being loaded; try again in a moment"));
    });
  }
}

}  // namespace levin::serve
