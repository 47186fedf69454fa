#include "serve/http/router.h"

#include <utility>

#include "base/error.h"

namespace levin::serve::http {

void Router::add(std::string method, std::string path, Handler handler, Lane lane) {
  const bool is_prefix = path.ends_with("/*");
  if (is_prefix) {
    path.pop_back();
  }
  Methods& methods = (is_prefix ? prefixes_ : exact_)[std::move(path)];
  const bool is_new = methods.emplace(std::move(method), Route{std::move(handler), lane}).second;
  LEVIN_CHECK(is_new);
}

const Router::Methods* Router::find_prefix(std::string_view path) const {
  for (size_t slash = path.rfind('/'); slash != std::string_view::npos;
       slash = slash == 0 ? std::string_view::npos : path.rfind('/', slash - 1)) {
    if (const auto found = prefixes_.find(path.substr(0, slash + 1)); found != prefixes_.end()) {
      return &found->second;
    }
  }
  return nullptr;
}

Router::Match Router::find(std::string_view method, std::string_view path) const {
  Match match;
  const auto exact = exact_.find(path);
  const Methods* methods = exact != exact_.end() ? &exact->second : find_prefix(path);
  if (methods == nullptr) {
    return match;
  }
  for (const auto& [name, route] : *methods) {
    match.allow += (match.allow.empty() ? "" : ", ") + name;
    if (name == "GET" && !methods->contains("HEAD")) {
      match.allow += ", HEAD";
    }
    if (name == method || (method == "HEAD" && name == "GET" && match.handler == nullptr)) {
      match.handler = &route.handler;
      match.lane = route.lane;
    }
  }
  // What lies below a prefix is known to its handler alone: of another method nobody knows the
  // path.
  return match.handler == nullptr && exact == exact_.end() ? Match{} : match;
}

}  // namespace levin::serve::http
