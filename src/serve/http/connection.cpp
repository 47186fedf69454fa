#include "serve/http/connection.h"

#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "serve/http/error_response.h"

namespace levin::serve::http {

namespace asio = boost::asio;

// g++ 12 miscompiles co_await within conditions and with temporaries among its arguments, so both
// are named before.

namespace {

constexpr size_t kHeadRead = 2048;  // small: ten thousand idle connections hold one each
constexpr size_t kBodyRead = size_t{64} << 10;
constexpr size_t kMaxPipelined = size_t{64} << 10;

}  // namespace

Connection::Connection(ServerState& server, std::unique_ptr<Transport> transport, Peer peer)
    : server_(server),
      transport_(std::move(transport)),
      peer_(std::move(peer)),
      wake_(server.network),
      done_(server.network) {
  enter(Phase::kHandshake, server_.options.limits.header_time);
}

asio::awaitable<void> Connection::run() {
  const boost::system::error_code error = co_await transport_->handshake();
  if (error) {
    close();
  }
  while (phase_ != Phase::kClosed) {
    if (phase_ == Phase::kLingering) {
      co_await linger();
    } else {
      co_await serve_one();
    }
  }
}

asio::awaitable<void> Connection::serve_one() {
  enter(Phase::kIdle, server_.options.limits.idle_time);
  if (server_.is_draining && buffer_.size() == 0) {
    close();
    co_return;
  }
  if (buffer_.size() == 0 && buffer_.capacity() > 2 * kHeadRead) {
    buffer_.shrink_to_fit();  // idle connections hold no big buffers
  }
  RequestParser parser(server_.options.limits.max_header_bytes,
                       server_.options.limits.max_body_bytes);
  const bool has_head = co_await parse_beyond(parser, RequestParser::State::kHead);
  if (phase_ == Phase::kClosed) {
    co_return;
  }
  begin_exchange(parser);
  if (!has_head) {
    answer_now(error_response(408, "the header did not arrive in time"));
    co_await write_answer();
    co_return;
  }
  if (parser.state() == RequestParser::State::kFailed) {
    form_.is_last = true;
    answer_now(error_response(parser.failure_status(), parser.failure()));
    co_await write_answer();
    co_return;
  }
  std::optional<Response> response = judge(parser.head());
  if (response.has_value()) {
    form_.is_last = form_.is_last || parser.head().has_body;  // the body is not wanted
    answer_now(std::move(*response));
    co_await write_answer();
    co_return;
  }
  const bool has_body = co_await read_body(parser);
  if (has_body) {
    dispatch(parser);
    co_await watch_client();
  }
}

/// False if the connection has ended, the time is over (is_late_), or end_exchange interrupted it.
asio::awaitable<bool> Connection::read_more(size_t bytes) {
  const Transferred read = co_await transport_->read_some(buffer_.prepare(bytes));
  if (phase_ == Phase::kClosed) {
    co_return false;
  }
  buffer_.commit(read.bytes);
  if (read.error && read.error != asio::error::operation_aborted) {
    close();
  }
  co_return !read.error;
}

/// Feeds the parser until it leaves `state`, or `body` is too much; false as read_more.
asio::awaitable<bool> Connection::parse_beyond(RequestParser& parser, RequestParser::State state,
                                               ArrivingBody* body) {
  while (true) {
    if (buffer_.size() > 0) {
      if (phase_ == Phase::kIdle) {
        enter(Phase::kHead, server_.options.limits.header_time);
        exchange_start_ = Clock::now();
      }
      const auto data = buffer_.cdata();
      const size_t taken = parser.feed({static_cast<const char*>(data.data()), data.size()});
      buffer_.consume(taken);
      if (body != nullptr) {
        body->add(taken);
      }
    }
    if (parser.state() != state || (body != nullptr && body->is_too_much())) {
      co_return true;
    }
    const bool has_more =
        co_await read_more(state == RequestParser::State::kHead ? kHeadRead : kBodyRead);
    if (!has_more) {
      co_return false;
    }
  }
}

/// The whole body, or false when the client has been told why not or has gone.
asio::awaitable<bool> Connection::read_body(RequestParser& parser) {
  const Limits& limits = server_.options.limits;
  const RequestHead& head = parser.head();
  body_ = std::make_unique<ArrivingBody>(server_.arriving, peer_.client);
  enter(Phase::kBody, limits.body_time);
  if (head.has_body && head.expects_continue && !head.is_http_1_0) {
    co_await write_all("HTTP/1.1 100 Continue\r\n\r\n");
  }
  const bool is_read = co_await parse_beyond(parser, RequestParser::State::kBody, body_.get());
  if (phase_ == Phase::kClosed) {
    body_.reset();
    co_return false;
  }
  const bool is_too_much = body_->is_too_much();
  if (is_read && !is_too_much && parser.state() == RequestParser::State::kComplete) {
    co_return true;
  }
  body_.reset();
  form_.is_last = true;
  answer_now(is_too_much ? error_response(503, "too many bytes are arriving; try again in a moment")
             : is_read   ? error_response(parser.failure_status(), parser.failure())
                         : error_response(408, "the body did not arrive in time"));
  co_await write_answer();
  co_return false;
}

/// Reads on while an answer is under way: the end of the stream is the client's leave.
asio::awaitable<void> Connection::watch_client() {
  while (phase_ == Phase::kAnswering) {
    if (buffer_.size() < kMaxPipelined) {
      co_await read_more(kHeadRead);
    } else {
      done_.expires_at(Clock::time_point::max());
      co_await done_.async_wait(kAwait);
    }
  }
}

asio::awaitable<bool> Connection::write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    write_since_ = Clock::now();
    const Transferred written =
        co_await transport_->write_some(asio::buffer(bytes.data(), bytes.size()));
    write_time_ += Clock::now() - write_since_;
    write_since_ = Clock::time_point::max();
    if (phase_ == Phase::kClosed) {
      co_return false;
    }
    if (written.error) {
      close();
      co_return false;
    }
    if (answer_ != nullptr) {
      answer_->written(written.bytes);
    }
    bytes.remove_prefix(written.bytes);
  }
  co_return true;
}

asio::awaitable<void> Connection::write_answer() {
  std::string bytes;
  while (true) {
    const Answer::Progress progress = answer_->take(bytes);
    if (bytes.empty()) {
      if (progress == Answer::Progress::kFinished) {
        end_exchange();
        co_return;
      }
      if (progress == Answer::Progress::kBroken) {
        close();
        co_return;
      }
      wake_.expires_after(server_.options.limits.keep_alive_interval);
      const auto [error] = co_await wake_.async_wait(kAwait);
      if (phase_ == Phase::kClosed) {
        co_return;
      }
      if (!error) {
        bytes = answer_->keep_alive_bytes();
      }
    }
    const bool is_written = co_await write_all(bytes);
    if (!is_written) {
      co_return;
    }
  }
}

/// Says that nothing more comes and reads on until the client has gone or kLingerTime is over.
asio::awaitable<void> Connection::linger() {
  co_await transport_->end_sending();
  bool has_more = phase_ != Phase::kClosed;
  while (has_more) {
    buffer_.consume(buffer_.size());
    has_more = co_await read_more(kBodyRead);
  }
}

}  // namespace levin::serve::http
