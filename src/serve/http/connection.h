// One client connection: requests in, answers out, and the time each may take.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "serve/http/answer.h"
#include "serve/http/request_parser.h"
#include "serve/http/server_state.h"
#include "serve/http/transport.h"

namespace levin::serve::http {

/// Where a connection's peer is.
struct Peer {
  std::string address;
  std::string client;  ///< what counts as one client: client_of(address)
  bool is_loopback = false;
};

/// Lives on the network thread; only handlers and their answers are elsewhere. One coroutine (run)
/// is the only reader: it parses requests one after the other, and while one is answered it goes on
/// reading, so that it sees a client go at once; what comes early (pipelining) waits in a buffer.
/// A second coroutine writes the answer of the moment.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Clock = std::chrono::steady_clock;

  Connection(ServerState& server, std::unique_ptr<Transport> transport, Peer peer);

  /// The connection's whole life. It is closed afterwards.
  boost::asio::awaitable<void> run();

  /// Ends what has taken too long; called a few times a second.
  void check_time(Clock::time_point now);
  /// Closes now if idle, else behind the running exchange.
  void drain();
  /// Closes at once; a running exchange learns that its client has gone.
  void close();

  [[nodiscard]] bool is_answering() const { return phase_ == Phase::kAnswering; }

 private:
  enum class Phase { kHandshake, kIdle, kHead, kBody, kAnswering, kLingering, kClosed };

  void enter(Phase phase, std::chrono::milliseconds time);
  boost::asio::awaitable<void> serve_one();
  boost::asio::awaitable<bool> read_more(size_t bytes);
  boost::asio::awaitable<bool> parse_beyond(RequestParser& parser, RequestParser::State state,
                                            ArrivingBody* body = nullptr);
  boost::asio::awaitable<bool> read_body(RequestParser& parser);
  boost::asio::awaitable<void> watch_client();
  boost::asio::awaitable<void> linger();
  boost::asio::awaitable<bool> write_all(std::string_view bytes);
  boost::asio::awaitable<void> write_answer();

  void begin_exchange(const RequestParser& parser);
  void begin_answer();
  /// Queues an answer that needs no handler; write_answer sends it.
  void answer_now(Response response);
  /// The answer to a request that needs no handler; nothing if it needs one.
  [[nodiscard]] std::optional<Response> judge(const RequestHead& head);
  void dispatch(RequestParser& parser);
  void end_exchange();
  void report(bool is_complete);

  ServerState& server_;
  std::unique_ptr<Transport> transport_;
  Peer peer_;
  boost::asio::steady_timer wake_;  // cancelled: the answer has something to write
  boost::asio::steady_timer done_;  // cancelled: the answer is written
  boost::beast::flat_buffer buffer_;

  Phase phase_ = Phase::kHandshake;
  Clock::time_point deadline_;       // of the phase; not of kAnswering
  bool is_late_ = false;             // the deadline of kHead or kBody has passed
  Clock::time_point in_step_since_;  // the last time the reader of a stream did not lag
  Clock::time_point write_since_ = Clock::time_point::max();  // a write is under way
  Clock::duration write_time_{0};  // that the writes of this answer have taken

  // Of the exchange under way.
  std::shared_ptr<Answer> answer_;
  AnswerForm form_;
  Target target_;
  const Handler* handler_ = nullptr;
  Lane lane_ = Lane::kHandlers;         // of handler_
  std::unique_ptr<ArrivingBody> body_;  // until a handler has it
  ExchangeRecord record_;
  Clock::time_point exchange_start_;
};

}  // namespace levin::serve::http
