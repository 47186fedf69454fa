#include "serve/http/wire.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/http/status.hpp>
#include <ctime>

namespace levin::serve::http {
namespace {

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[40];
  const size_t length = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text, length};
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  const size_t start = out.size();
  out += value;
  std::replace_if(
      out.begin() + static_cast<std::ptrdiff_t>(start), out.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
  out += "\r\n";
}

}  // namespace

std::string_view reason_phrase(int status) noexcept {
  const auto known = boost::beast::http::int_to_status(static_cast<unsigned>(status));
  if (known == boost::beast::http::status::unknown) {
    return "Status";
  }
  const auto phrase = boost::beast::http::obsolete_reason(known);
  return {phrase.data(), phrase.size()};
}

bool has_no_body(int status) noexcept {
  return (status >= 100 && status < 200) || status == 204 || status == 304;
}

std::string format_head(const ResponseHead& head) {
  std::string out = fmt::format("HTTP/1.1 {} {}\r\n", head.status, reason_phrase(head.status));
  append_header(out, "Date", http_date());
  if (!head.content_type.empty() && !has_no_body(head.status)) {
    append_header(out, "Content-Type", head.content_type);
  }
  if (head.framing == Framing::kChunked) {
    append_header(out, "Transfer-Encoding", "chunked");
  } else if (head.framing == Framing::kLength && !has_no_body(head.status)) {
    append_header(out, "Content-Length", fmt::format("{}", head.content_length));
  }
  if (head.is_last) {
    append_header(out, "Connection", "close");
  }
  for (const auto& [name, value] : *head.headers) {
    append_header(out, name, value);
  }
  for (const auto& [name, value] : *head.defaults) {
    if (find_header(*head.headers, name).empty()) {
      append_header(out, name, value);
    }
  }
  return out + "\r\n";
}

std::string format_chunk(std::string_view piece) {
  return piece.empty() ? std::string() : fmt::format("{:x}\r\n{}\r\n", piece.size(), piece);
}

std::string format_last_chunk(std::string_view trailer, std::string_view value) {
  std::string out = "0\r\n";
  if (!value.empty()) {
    append_header(out, trailer, value);
  }
  return out + "\r\n";
}

}  // namespace levin::serve::http
