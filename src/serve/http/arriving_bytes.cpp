#include "serve/http/arriving_bytes.h"

namespace levin::serve::http {

void ArrivingBytes::add(const std::string& client, size_t bytes) {
  total_ += bytes;
  per_client_[client] += bytes;
}

void ArrivingBytes::remove(const std::string& client, size_t bytes) {
  total_ -= bytes;
  const auto found = per_client_.find(client);
  found->second -= bytes;
  if (found->second == 0) {
    per_client_.erase(found);
  }
}

bool ArrivingBytes::is_beyond(const std::string& client) const {
  const auto found = per_client_.find(client);
  return total_ > most_ || (found != per_client_.end() && found->second > most_per_client_);
}

ArrivingBody::~ArrivingBody() {
  if (arrived_ > 0) {
    bytes_.remove(client_, arrived_);
  }
}

void ArrivingBody::add(size_t bytes) {
  if (bytes > 0) {
    arrived_ += bytes;
    bytes_.add(client_, bytes);
    is_too_much_ = bytes_.is_beyond(client_);
  }
}

}  // namespace levin::serve::http
