#include "serve/http/connection_table.h"

#include <boost/asio/ip/address_v6.hpp>
#include <utility>

namespace levin::serve::http {

std::string client_of(const boost::asio::ip::address& address) {
  if (address.is_v4()) {
    return address.to_string();
  }
  const boost::asio::ip::address_v6 v6 = address.to_v6();
  if (v6.is_v4_mapped()) {
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, v6).to_string();
  }
  boost::asio::ip::address_v6::bytes_type network = v6.to_bytes();
  for (size_t i = network.size() / 2; i < network.size(); ++i) {
    network[i] = 0;
  }
  return boost::asio::ip::address_v6(network).to_string();
}

ConnectionTable::ConnectionTable(size_t max_connections, size_t max_per_client)
    : max_connections_(max_connections), max_per_client_(max_per_client) {}

bool ConnectionTable::has_room(const std::string& client) const {
  const auto found = per_client_.find(client);
  return connections_.size() < max_connections_ &&
         (found == per_client_.end() || found->second < max_per_client_);
}

void ConnectionTable::add(std::shared_ptr<Connection> connection, std::string client) {
  ++per_client_[client];
  connections_.emplace(std::move(connection), std::move(client));
  size_ = connections_.size();
}

void ConnectionTable::remove(const std::shared_ptr<Connection>& connection) {
  const auto found = connections_.find(connection);
  if (found == connections_.end()) {
    return;
  }
  const auto counted = per_client_.find(found->second);
  if (--counted->second == 0) {
    per_client_.erase(counted);
  }
  connections_.erase(found);
  size_ = connections_.size();
}

}  // namespace levin::serve::http
