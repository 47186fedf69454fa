// The bytes of request bodies that are being received, bounded in all and for each client.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>
#include <utility>

namespace levin::serve::http {

/// Belongs to the network thread. Counts what has arrived, not what a header announces: who
/// announces much and sends nothing takes nothing from others.
class ArrivingBytes {
 public:
  ArrivingBytes(size_t most, size_t most_per_client)
      : most_(most), most_per_client_(most_per_client) {}

  void add(const std::string& client, size_t bytes);
  void remove(const std::string& client, size_t bytes);
  [[nodiscard]] bool is_beyond(const std::string& client) const;

 private:
  size_t most_;
  size_t most_per_client_;
  size_t total_ = 0;
  std::unordered_map<std::string, size_t> per_client_;
};

/// One body on its way; its bytes count until the object ends, on the network thread.
class ArrivingBody {
 public:
  ArrivingBody(ArrivingBytes& bytes, std::string client)
      : bytes_(bytes), client_(std::move(client)) {}
  ~ArrivingBody();
  ArrivingBody(const ArrivingBody&) = delete;
  ArrivingBody& operator=(const ArrivingBody&) = delete;

  void add(size_t bytes);
  /// It took the server or its client beyond the limit.
  [[nodiscard]] bool is_too_much() const noexcept { return is_too_much_; }

 private:
  ArrivingBytes& bytes_;
  const std::string client_;
  size_t arrived_ = 0;
  bool is_too_much_ = false;
};

}  // namespace levin::serve::http
