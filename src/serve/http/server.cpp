#include "serve/http/server.h"

#include <fmt/format.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <future>
#include <string>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/random.h"
#include "serve/http/connection.h"
#include "serve/http/connection_table.h"
#include "serve/http/error_response.h"
#include "serve/http/transport.h"
#include "serve/http/wire.h"

namespace levin::serve::http {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr std::chrono::milliseconds kTick{100};
/// After a failed accept (no descriptors, no memory): time for connections to end.
constexpr std::chrono::milliseconds kAcceptPause{100};
/// Between two reports of connections that found no room, however many these are.
constexpr std::chrono::seconds kTurnedAwayInterval{1};

tcp::endpoint resolve(const ServerOptions& options) {
  asio::io_context context;
  boost::system::error_code error;
  const auto found = tcp::resolver(context).resolve(options.address, "", error);
  if (error || found.empty()) {
    base::throw_error(base::ErrorCode::kInvalidArgument, "--host",
                      "an address or a name of this machine expected, got \"{}\" ({})",
                      options.address, error.message());
  }
  return {found.begin()->endpoint().address(), options.port};
}

tcp::acceptor listen(asio::io_context& context, const ServerOptions& options) {
  const tcp::endpoint endpoint = resolve(options);
  tcp::acceptor acceptor(context);
  boost::system::error_code error;
  const auto failed = [&error] { return static_cast<bool>(error); };
  acceptor.open(endpoint.protocol(), error);
  if (!failed() && endpoint.address().is_v6()) {
    acceptor.set_option(asio::ip::v6_only(false), error);
  }
  if (!failed()) {
    acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  }
  if (!failed()) {
    acceptor.bind(endpoint, error);
  }
  if (!failed()) {
    acceptor.listen(asio::socket_base::max_listen_connections, error);
  }
  if (failed()) {
    base::throw_error(base::ErrorCode::kIo, fmt::format("{}:{}", options.address, options.port),
                      "cannot listen there: {}; choose another --host or --port", error.message());
  }
  return acceptor;
}

/// A fresh socket takes these few bytes at once, so that no connection is kept for a refusal.
void refuse_connection(tcp::socket& socket) {
  const Response response = error_response(503, "too many connections; try again in a moment");
  const std::string bytes = format_head({.status = response.status,
                                         .content_type = response.content_type,
                                         .headers = &response.headers,
                                         .defaults = &security_headers(),
                                         .framing = Framing::kLength,
                                         .content_length = response.body.size(),
                                         .is_last = true}) +
                            response.body;
  boost::system::error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(bytes), ignored);
  socket.shutdown(tcp::socket::shutdown_send, ignored);
}

}  // namespace

class Server::Impl {
 public:
  Impl(ServerOptions options, Router router);
  ~Impl();

  [[nodiscard]] uint16_t port() const { return port_; }
  [[nodiscard]] size_t connections() const { return table_.size(); }
  [[nodiscard]] size_t turned_away() const { return turned_away_; }
  void set_routes(Router router);
  size_t drain(std::chrono::milliseconds limit);

 private:
  asio::awaitable<void> accept_connections();
  asio::awaitable<void> watch_time();
  void check_time(Connection& connection, Connection::Clock::time_point now);
  void admit(tcp::socket socket);
  void report_turned_away(Connection::Clock::time_point now);
  void run_network();
  void keep_running(asio::awaitable<void> (Impl::*loop)());
  template <typename Task>
  bool try_to(const Task& task) noexcept;

  const ServerOptions options_;
  const Router router_;
  Router later_router_;
  const AccessRules access_;
  std::unique_ptr<asio::ssl::context> tls_;
  ArrivingBytes arriving_;
  ConnectionTable table_;
  asio::thread_pool handlers_;
  // Draining ends every coroutine of a connection before anything here is destroyed.
  asio::io_context context_{1};
  tcp::acceptor acceptor_;
  asio::steady_timer tick_;
  ServerState state_;
  uint16_t port_;
  Connection::Clock::time_point end_ = Connection::Clock::time_point::max();  // of draining
  size_t cut_off_ = 0;
  std::atomic<size_t> turned_away_ = 0;
  size_t reported_turned_away_ = 0;
  Connection::Clock::time_point turned_away_report_;
  std::thread network_;
};

Server::Impl::Impl(ServerOptions options, Router router)
    : options_(std::move(options)),
      router_(std::move(router)),
      access_(options_.allowed_hosts, options_.cors_origins),
      tls_(options_.tls_cert_file.empty()
               ? nullptr
               : make_tls_context(options_.tls_cert_file, options_.tls_key_file)),
      arriving_(options_.limits.max_arriving_bytes, options_.limits.max_arriving_bytes_per_client),
      table_(options_.limits.max_connections, options_.limits.max_connections_per_address),
      handlers_(static_cast<size_t>(options_.handler_threads)),
      acceptor_(listen(context_, options_)),
      tick_(context_),
      state_{.options = options_,
             .router = &router_,
             .access = access_,
             .network = context_.get_executor(),
             .handlers = handlers_,
             .slow_handlers = asio::make_strand(handlers_.get_executor()),
             .arriving = arriving_,
             .id_seed = base::random_seed()},
      port_(acceptor_.local_endpoint().port()) {
  keep_running(&Impl::accept_connections);
  keep_running(&Impl::watch_time);
  network_ = std::thread([this] { run_network(); });
}

Server::Impl::~Impl() {
  try {
    drain(std::chrono::milliseconds(0));
  } catch (const std::exception&) {  // not even memory to post one task
    std::terminate();
  }
}

/// One connection's trouble is not the others': what `task` throws is told. True if it threw
/// nothing.
template <typename Task>
bool Server::Impl::try_to(const Task& task) noexcept {
  try {
    task();
    return true;
  } catch (const std::exception& error) {
    try {
      if (options_.on_failure) {
        options_.on_failure("", error.what());
      }
    } catch (const std::exception&) {  // not even memory to say so
    }
  }
  return false;
}

void Server::Impl::run_network() {
  while (!try_to([this] { context_.run(); })) {
  }
}

/// Runs a loop that draining alone may end: one that throws is told of and begins again.
void Server::Impl::keep_running(asio::awaitable<void> (Impl::*loop)()) {
  asio::co_spawn(context_, (this->*loop)(), [this, loop](const std::exception_ptr& failure) {
    if (failure) {
      try_to([&failure] { std::rethrow_exception(failure); });
      keep_running(loop);
    }
  });
}

asio::awaitable<void> Server::Impl::accept_connections() {
  while (true) {
    auto [error, socket] = co_await acceptor_.async_accept(kAwait);
    if (!acceptor_.is_open()) {
      co_return;
    }
    if (error) {
      asio::steady_timer pause(context_, kAcceptPause);
      co_await pause.async_wait(kAwait);
    } else {
      admit(std::move(socket));
    }
  }
}

void Server::Impl::admit(tcp::socket socket) {
  boost::system::error_code error;
  const tcp::endpoint remote = socket.remote_endpoint(error);
  if (error) {
    return;  // gone already
  }
  const std::string client = client_of(remote.address());
  if (!table_.has_room(client)) {
    ++turned_away_;
    if (tls_ == nullptr) {
      refuse_connection(socket);
    }
    return;
  }
  socket.set_option(tcp::no_delay(true), error);
  socket.set_option(asio::socket_base::keep_alive(true), error);
  const bool is_loopback =
      remote.address().is_loopback() || client.starts_with("127.");  // mapped into IPv6
  auto connection = std::make_shared<Connection>(
      state_, make_transport(std::move(socket), tls_.get()),
      Peer{.address = remote.address().to_string(), .client = client, .is_loopback = is_loopback});
  table_.add(connection, client);
  const bool runs = try_to([this, &connection] {
    asio::co_spawn(context_, connection->run(), [this, connection](const std::exception_ptr&) {
      try_to([&connection] { connection->close(); });
      table_.remove(connection);
    });
  });
  if (!runs) {
    table_.remove(connection);
  }
}

asio::awaitable<void> Server::Impl::watch_time() {
  while (!state_.is_draining || table_.size() > 0) {
    const auto now = Connection::Clock::now();
    table_.for_each(
        [this, now](Connection& connection) { try_to([&] { check_time(connection, now); }); });
    try_to([this, now] { report_turned_away(now); });
    tick_.expires_after(kTick);
    co_await tick_.async_wait(kAwait);
  }
}

void Server::Impl::report_turned_away(Connection::Clock::time_point now) {
  const size_t more = turned_away_ - reported_turned_away_;
  if (more > 0 && now - turned_away_report_ >= kTurnedAwayInterval) {
    turned_away_report_ = now;
    reported_turned_away_ += more;
    if (options_.on_turned_away) {
      options_.on_turned_away(more);
    }
  }
}

void Server::Impl::check_time(Connection& connection, Connection::Clock::time_point now) {
  if (now >= end_) {
    cut_off_ += connection.is_answering() ? 1 : 0;
    connection.close();
  } else {
    connection.check_time(now);
  }
}

void Server::Impl::set_routes(Router router) {
  later_router_ = std::move(router);
  std::promise<void> is_set;
  asio::post(context_, [this, &is_set] {
    state_.router = &later_router_;
    is_set.set_value();
  });
  is_set.get_future().wait();
}

size_t Server::Impl::drain(std::chrono::milliseconds limit) {
  if (network_.joinable()) {
    asio::post(context_, [this, limit] {
      state_.is_draining = true;
      end_ = Connection::Clock::now() + limit;
      boost::system::error_code ignored;
      acceptor_.close(ignored);
      table_.for_each([](Connection& connection) { connection.drain(); });
      tick_.cancel();
    });
    network_.join();  // its last coroutine ends with the last connection
    handlers_.join();
  }
  return cut_off_;
}

Server::Server(ServerOptions options, Router router)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(router))) {}

Server::~Server() = default;

uint16_t Server::port() const noexcept { return impl_->port(); }

size_t Server::connections() const noexcept { return impl_->connections(); }

size_t Server::turned_away() const noexcept { return impl_->turned_away(); }

void Server::set_routes(Router router) { impl_->set_routes(std::move(router)); }

size_t Server::drain(std::chrono::milliseconds limit) { return impl_->drain(limit); }

}  // namespace levin::serve::http
