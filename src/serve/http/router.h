// Which handler answers a method and path.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "serve/http/exchange.h"

namespace levin::serve::http {

/// Where a handler runs.
enum class Lane : uint8_t {
  kHandlers,  ///< on one of the handler threads
  kQuick,     ///< on the network thread: it never blocks and takes microseconds
  kSlow,      ///< on a handler thread, one such handler at a time: the other threads stay free
};

/// Filled before a server gets it, read-only afterwards (so any thread may call find).
class Router {
 public:
  /// Routes `method` on `path` to `handler`. A path that ends in "/*" stands for everything below
  /// it ("/assets/*"; "/*" is the whole site); exact paths go first, then the longest such prefix.
  /// Throws Error(kInternal) if that route exists.
  void add(std::string method, std::string path, Handler handler, Lane lane = Lane::kHandlers);

  struct Match {
    const Handler* handler = nullptr;  ///< null: no such path (404) or method (405)
    Lane lane = Lane::kHandlers;
    std::string
        allow;  ///< methods of the path, as the Allow header wants them; empty: no such path
  };

  /// The route of a decoded path. HEAD is answered by the handler of GET. A prefix that lacks the
  /// method leaves the path unknown.
  [[nodiscard]] Match find(std::string_view method, std::string_view path) const;

 private:
  struct Route {
    Handler handler;
    Lane lane = Lane::kHandlers;
  };
  using Methods = std::map<std::string, Route, std::less<>>;

  [[nodiscard]] const Methods* find_prefix(std::string_view path) const;

  std::map<std::string, Methods, std::less<>> exact_;
  std::map<std::string, Methods, std::less<>> prefixes_;  // keys end in '/'
};

}  // namespace levin::serve::http
