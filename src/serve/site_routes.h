// What the server answers besides the API: the chat page, /health and /ready.
#pragma once

#include <functional>

#include "serve/http/router.h"

namespace levin::serve {

/// GET /health: 200 while the process answers. GET /ready: 200, or 503 once `is_stopping`. GET on
/// any other path: the files of the page, with its Content-Security-Policy and by ETag.
void add_site_routes(http::Router& router, std::function<bool()> is_stopping);

/// While there is no model yet: GET /health is 200, and everything else, /ready too, 503.
void add_loading_routes(http::Router& router);

}  // namespace levin::serve
