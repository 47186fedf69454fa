#include "serve/http/raw_client.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <utility>

#include "serve/http/exchange.h"

namespace levin::serve::http {
namespace {

constexpr std::chrono::milliseconds kPatience{10'000};

}  // namespace

RawClient::RawClient(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
  const int receive_bytes = kReceiveBytes;
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd_);
    throw std::runtime_error("the test's client cannot connect");
  }
}

RawClient::~RawClient() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool RawClient::read_some(std::chrono::milliseconds time) {
  pollfd wanted{.fd = fd_, .events = POLLIN, .revents = 0};
  if (is_at_end_ || ::poll(&wanted, 1, static_cast<int>(time.count())) <= 0) {
    return false;
  }
  std::array<char, 16384> bytes{};
  const ssize_t count = ::recv(fd_, bytes.data(), bytes.size(), 0);
  is_at_end_ = count <= 0;
  if (count > 0) {
    received_.append(bytes.data(), static_cast<size_t>(count));
  }
  return count > 0;
}

std::string RawClient::read_until(std::string_view text) {
  while (received_.find(text) == std::string::npos) {
    if (!read_some(kPatience)) {
      return std::exchange(received_, {});
    }
  }
  const size_t end = received_.find(text) + text.size();
  std::string result = received_.substr(0, end);
  received_.erase(0, end);
  return result;
}

std::string RawClient::read_all() {
  while (read_some(kPatience)) {
  }
  return std::exchange(received_, {});
}

std::string RawClient::read_response() {
  std::string response = read_until("\r\n\r\n");
  if (header_of(response, "Transfer-Encoding") == "chunked") {
    bool is_end = false;  // of the chunks; trailers may follow
    for (std::string line; !is_end || line != "\r\n"; response += line) {
      line = read_until("\r\n");
      if (!line.ends_with("\r\n")) {
        return response + line;
      }
      is_end = is_end || line == "0\r\n";
    }
    return response;
  }
  const std::string length = header_of(response, "Content-Length");
  const size_t wanted = length.empty() ? 0 : std::stoul(length);
  while (received_.size() < wanted && read_some(kPatience)) {
  }
  response += received_.substr(0, wanted);
  received_.erase(0, wanted);
  return response;
}

bool RawClient::is_closed_within(std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (!is_at_end_) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      return false;
    }
    read_some(left);
  }
  return true;
}

void RawClient::vanish() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::close(std::exchange(fd_, -1));
}

std::string get(std::string_view path, std::string_view headers) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n{}\r\n", path, headers);
}

std::string post(std::string_view path, std::string_view body, std::string_view headers) {
  return fmt::format(
      "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: {}\r\n{}\r\n{}",
      path, body.size(), headers, body);
}

int status_of(std::string_view response) {
  return response.starts_with("HTTP/1.1 ") ? std::stoi(std::string(response.substr(9, 3))) : 0;
}

std::string header_of(std::string_view response, std::string_view name) {
  const std::string_view head = response.substr(0, response.find("\r\n\r\n"));
  for (size_t line = head.find("\r\n"); line != std::string_view::npos;
       line = head.find("\r\n", line + 2)) {
    const std::string_view text = head.substr(line + 2, head.find("\r\n", line + 2) - line - 2);
    const size_t colon = text.find(": ");
    if (colon != std::string_view::npos && is_same_name(text.substr(0, colon), name)) {
      return std::string(text.substr(colon + 2));
    }
  }
  return {};
}

std::string body_of(std::string_view response) {
  const size_t end = response.find("\r\n\r\n");
  return end == std::string_view::npos ? std::string() : std::string(response.substr(end + 4));
}

}  // namespace levin::serve::http
