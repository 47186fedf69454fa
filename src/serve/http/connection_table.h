// The open connections of a server, counted in all and by address.
#pragma once

#include <atomic>
#include <boost/asio/ip/address.hpp>
#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "serve/http/connection.h"

namespace levin::serve::http {

/// What counts as one client: an IPv4 address, also mapped into IPv6, or the /64 of an IPv6 one.
[[nodiscard]] std::string client_of(const boost::asio::ip::address& address);

/// Belongs to the network thread, but for size().
class ConnectionTable {
 public:
  ConnectionTable(size_t max_connections, size_t max_per_client);

  [[nodiscard]] bool has_room(const std::string& client) const;
  void add(std::shared_ptr<Connection> connection, std::string client);
  void remove(const std::shared_ptr<Connection>& connection);

  /// Calls `visit` for each; it may close but not add or remove.
  template <typename Visit>
  void for_each(Visit visit) {
    for (const auto& [connection, client] : connections_) {
      visit(*connection);
    }
  }

  [[nodiscard]] size_t size() const noexcept { return size_.load(); }

 private:
  size_t max_connections_;
  size_t max_per_client_;
  std::unordered_map<std::shared_ptr<Connection>, std::string> connections_;
  std::unordered_map<std::string, size_t> per_client_;
  std::atomic<size_t> size_ = 0;
};

}  // namespace levin::serve::http
