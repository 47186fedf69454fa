// Bytes of a connection: whatever comes is a run of requests or a refusal of the few kinds, within
// the limits, and the same requests however the bytes are cut into pieces. The first byte says
// where.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "fuzz_target.h"
#include "serve/http/access.h"
#include "serve/http/request_parser.h"

namespace {

using levin::fuzz::require;
using levin::serve::http::AccessRules;
using levin::serve::http::RequestHead;
using levin::serve::http::RequestParser;
using levin::serve::http::Target;

// Small, so that inputs of a few kilobytes reach them.
constexpr size_t kMaxHeaderBytes = 1024;
constexpr size_t kMaxBodyBytes = 2048;

void check_target(const RequestHead& head) {
  const std::optional<Target> target = levin::serve::http::parse_target(head.target);
  if (!target.has_value()) {
    return;
  }
  require(target->path.starts_with('/'), "a path begins with a slash");
  require(std::ranges::none_of(target->path, [](unsigned char c) { return c < 0x20 || c == 0x7F; }),
          "a path has no control characters");
}

void check_access(const RequestHead& head) {
  static const AccessRules rules({"llm.example"}, {"https://app.example"});
  for (const auto& [name, value] : rules.cors_headers(head)) {
    require(value.find('\n') == std::string::npos, "no header is forged");
  }
  const auto refusal = rules.refusal(head);
  require(!refusal.has_value() || refusal->status == 403 || refusal->status == 415,
          "refusals are 403 or 415");
  if (AccessRules::is_preflight(head)) {
    (void)AccessRules::preflight_response(head);
  }
}

void check_failure(const RequestParser& parser) {
  const int status = parser.failure_status();
  require(status == 400 || status == 413 || status == 431 || status == 501 || status == 505,
          "failures are 400, 413, 431, 501 or 505");
  require(!parser.failure().empty(), "failures say why");
}

void check_head(const RequestHead& head) {
  require(!head.method.empty() && !head.target.empty(), "a request has a method and a target");
  check_target(head);
  check_access(head);
}

/// A request as text.
std::string describe(RequestParser& parser) {
  const RequestHead& head = parser.head();
  const std::string body = parser.take_body();
  require(body.size() <= kMaxBodyBytes, "bodies are within the limit");
  const std::string_view length = levin::serve::http::find_header(head.headers, "Content-Length");
  const bool is_number = length.find_first_not_of("0123456789") == std::string_view::npos;
  require(length.empty() || !is_number || std::stoull(std::string(length)) == body.size(),
          "a body is as long as its length says");
  std::string text = head.method + " " + head.target + "\n";
  for (const auto& [name, value] : head.headers) {
    text += name + ": " + value + "\n";
  }
  return text + body;
}

/// Reads as a connection does: what the parser leaves comes again with more behind it. Keeps what
/// is accepted alone, for when and why a broken request is refused may depend on the cuts.
class Connection {
 public:
  void receive(std::string_view bytes) {
    pending_ += bytes;
    while (!is_over_ && feed()) {
    }
  }
  [[nodiscard]] const std::vector<std::string>& requests() const { return requests_; }

 private:
  /// False when it takes more bytes to go on.
  bool feed() {
    const RequestParser::State before = parser_->state();
    const size_t used = parser_->feed(pending_);
    require(used <= pending_.size(), "a parser uses no more than it gets");
    pending_.erase(0, used);
    const RequestParser::State after = parser_->state();
    if (before == RequestParser::State::kHead && after != before &&
        after != RequestParser::State::kFailed) {
      check_head(parser_->head());
    }
    if (after == RequestParser::State::kFailed) {
      check_failure(*parser_);
      is_over_ = true;
    } else if (after == RequestParser::State::kComplete) {
      requests_.push_back(describe(*parser_));
      is_over_ = !parser_->head().is_keep_alive;
      parser_ = std::make_unique<RequestParser>(kMaxHeaderBytes, kMaxBodyBytes);
    }
    return !pending_.empty() && (used > 0 || after != before);
  }

  std::unique_ptr<RequestParser> parser_ =
      std::make_unique<RequestParser>(kMaxHeaderBytes, kMaxBodyBytes);
  std::string pending_;
  std::vector<std::string> requests_;
  bool is_over_ = false;
};

std::vector<std::string> read_whole(std::string_view stream) {
  Connection connection;
  connection.receive(stream);
  return connection.requests();
}

std::vector<std::string> read_in_pieces(std::string_view stream, uint64_t seed) {
  Connection connection;
  for (uint64_t i = 0; !stream.empty(); ++i) {
    const size_t bytes =
        std::min<size_t>(stream.size(), 1 + levin::base::random_bits(seed, i) % 64);
    connection.receive(stream.substr(0, bytes));
    stream.remove_prefix(bytes);
  }
  return connection.requests();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view stream = levin::fuzz::as_text(data + 1, size - 1);
  require(read_whole(stream) == read_in_pieces(stream, data[0]),
          "requests do not depend on how the bytes are cut");
  return 0;
}
