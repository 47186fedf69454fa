#include "serve/http/request_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <charconv>
#include <utility>

namespace levin::serve::http {

namespace beast_http = boost::beast::http;

struct RequestParser::Beast {
  beast_http::request_parser<beast_http::string_body> parser;
};

RequestParser::RequestParser(size_t max_header_bytes, size_t max_body_bytes)
    : beast_(std::make_unique<Beast>()),
      max_header_bytes_(max_header_bytes),
      max_body_bytes_(max_body_bytes) {
  beast_->parser.header_limit(static_cast<uint32_t>(max_header_bytes));
  beast_->parser.body_limit(max_body_bytes);
  beast_->parser.eager(false);  // stop behind the head
}

RequestParser::~RequestParser() = default;

size_t RequestParser::feed(std::string_view bytes) {
  auto& parser = beast_->parser;
  size_t used = 0;
  while (used < bytes.size() && (state_ == State::kHead || state_ == State::kBody)) {
    boost::beast::error_code error;
    const size_t taken =
        parser.put(boost::asio::buffer(bytes.data() + used, bytes.size() - used), error);
    used += taken;
    // Beast bounds what it has not yet taken of a header; lines that come one by one would add up.
    header_bytes_ += state_ == State::kHead ? taken : 0;
    if (header_bytes_ > max_header_bytes_ || error == beast_http::error::header_limit) {
      fail(431, fmt::format("the header exceeds {} bytes", max_header_bytes_));
    } else if (error == beast_http::error::need_more) {
      // Of a body, the head of a chunk and the trailer alone are kept until they are whole.
      if (state_ == State::kBody && bytes.size() - used > max_header_bytes_) {
        fail(431, fmt::format("a chunk's head or the trailer exceeds {} bytes", max_header_bytes_));
      }
      break;
    } else if (error == beast_http::error::body_limit) {
      fail(413, fmt::format("the body exceeds {} bytes", max_body_bytes_));
    } else if (error == beast_http::error::bad_version) {
      fail(505, "HTTP/1.1 or HTTP/1.0 expected");
    } else if (error) {
      fail(400, "the request is not HTTP: " + error.message());
    } else if (state_ == State::kHead && parser.is_header_done()) {
      finish_head();
      break;
    } else if (parser.is_done()) {
      state_ = State::kComplete;
    }
  }
  return used;
}

void RequestParser::finish_head() {
  const auto& message = beast_->parser.get();
  head_.method = std::string(message.method_string());
  head_.target = std::string(message.target());
  for (const auto& field : message) {
    head_.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  }
  head_.is_http_1_0 = message.version() == 10;
  head_.is_keep_alive = beast_->parser.keep_alive();
  head_.expects_continue = is_same_name(find_header(head_.headers, "Expect"), "100-continue");
  head_.has_body = !beast_->parser.is_done();
  const auto hosts =
      std::count_if(head_.headers.begin(), head_.headers.end(),
                    [](const auto& header) { return is_same_name(header.first, "Host"); });
  if (message.version() != 10 && message.version() != 11) {
    fail(505, "HTTP/1.1 or HTTP/1.0 expected");
  } else if (const auto coding = find_header(head_.headers, "Transfer-Encoding");
             !coding.empty() && !is_same_name(coding, "chunked")) {
    fail(501, "no Transfer-Encoding but chunked is understood");
  } else if (hosts > 1 || (hosts == 0 && !head_.is_http_1_0)) {
    fail(400, fmt::format("one Host header expected, got {}", hosts));
  } else {
    state_ = head_.has_body ? State::kBody : State::kComplete;
    beast_->parser.eager(true);
  }
}

std::string RequestParser::take_body() { return std::move(beast_->parser.get().body()); }

void RequestParser::fail(int status, std::string message) {
  state_ = State::kFailed;
  failure_status_ = status;
  failure_ = std::move(message);
}

namespace {

/// Nothing for broken escapes and for control characters, sent plainly or escaped.
std::optional<std::string> decode_path(std::string_view text) {
  std::string path;
  path.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '%') {
      if (i + 2 >= text.size()) {
        return std::nullopt;
      }
      const char* digits = text.data() + i + 1;
      if (std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2) {
        return std::nullopt;
      }
      i += 2;
    }
    if (byte < 0x20 || byte == 0x7F) {
      return std::nullopt;
    }
    path.push_back(static_cast<char>(byte));
  }
  return path;
}

}  // namespace

std::optional<Target> parse_target(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (target.starts_with(scheme)) {
      const size_t slash = target.find('/', scheme.size());
      target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
    }
  }
  if (!target.starts_with('/')) {
    return std::nullopt;
  }
  const size_t question = target.find('?');
  std::optional<std::string> path = decode_path(target.substr(0, question));
  if (!path.has_value()) {
    return std::nullopt;
  }
  const std::string_view query =
      question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
  return Target{.path = std::move(*path), .query = std::string(query)};
}

}  // namespace levin::serve::http
