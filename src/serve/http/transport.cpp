#include "serve/http/transport.h"

#include <openssl/ssl.h>

#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "base/error.h"

namespace levin::serve::http {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

class PlainTransport final : public Transport {
 public:
  explicit PlainTransport(tcp::socket socket) : socket_(std::move(socket)) {}

  asio::awaitable<boost::system::error_code> handshake() override {
    co_return boost::system::error_code();
  }
  asio::awaitable<Transferred> read_some(asio::mutable_buffer into) override {
    const auto [error, bytes] = co_await socket_.async_read_some(into, kAwait);
    co_return Transferred{error, bytes};
  }
  asio::awaitable<Transferred> write_some(asio::const_buffer from) override {
    const auto [error, bytes] = co_await socket_.async_write_some(from, kAwait);
    co_return Transferred{error, bytes};
  }
  asio::awaitable<void> end_sending() override {
    shutdown_socket();
    co_return;
  }

 private:
  tcp::socket& socket() override { return socket_; }

  tcp::socket socket_;
};

class TlsTransport final : public Transport {
 public:
  TlsTransport(tcp::socket socket, asio::ssl::context& context)
      : stream_(std::move(socket), context) {}

  asio::awaitable<boost::system::error_code> handshake() override {
    const auto [error] = co_await stream_.async_handshake(asio::ssl::stream_base::server, kAwait);
    co_return error;
  }
  asio::awaitable<Transferred> read_some(asio::mutable_buffer into) override {
    if (has_ended_) {
      const auto [error, bytes] = co_await socket().async_read_some(into, kAwait);
      co_return Transferred{error, bytes};
    }
    const auto [error, bytes] = co_await stream_.async_read_some(into, kAwait);
    co_return Transferred{error, bytes};
  }
  asio::awaitable<Transferred> write_some(asio::const_buffer from) override {
    const auto [error, bytes] = co_await stream_.async_write_some(from, kAwait);
    co_return Transferred{error, bytes};
  }
  asio::awaitable<void> end_sending() override {
    // Fails where the peer goes on sending; the close_notify is out all the same.
    co_await stream_.async_shutdown(kAwait);
    has_ended_ = true;
    shutdown_socket();
  }

 private:
  tcp::socket& socket() override { return stream_.next_layer(); }

  asio::ssl::stream<tcp::socket> stream_;
  bool has_ended_ = false;  // TLS is over
};

/// Clients may name protocols they speak (ALPN); HTTP/1.1 is the one of them we do.
int choose_http_1_1(SSL* /*ssl*/, const unsigned char** out, unsigned char* out_length,
                    const unsigned char* in, unsigned int in_length, void* /*argument*/) {
  static constexpr unsigned char kHttp11[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_length, kHttp11, sizeof kHttp11 - 1, in, in_length) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

void require_accepted(const boost::system::error_code& error, const std::string& file,
                      const char* what) {
  if (error) {
    base::throw_error(base::ErrorCode::kInvalidFile, file, "{} in PEM form expected: {}", what,
                      error.message());
  }
}

}  // namespace

// The peer may have gone already: errors of the three calls below change nothing.
void Transport::cancel() {
  boost::system::error_code ignored;
  socket().cancel(ignored);
}

void Transport::shutdown_socket() {
  boost::system::error_code ignored;
  socket().shutdown(tcp::socket::shutdown_send, ignored);
}

void Transport::close() {
  boost::system::error_code ignored;
  socket().close(ignored);
}

std::unique_ptr<Transport> make_transport(tcp::socket socket, asio::ssl::context* tls) {
  if (tls == nullptr) {
    return std::make_unique<PlainTransport>(std::move(socket));
  }
  return std::make_unique<TlsTransport>(std::move(socket), *tls);
}

std::unique_ptr<asio::ssl::context> make_tls_context(const std::string& cert_file,
                                                     const std::string& key_file) {
  auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
  SSL_CTX* native = context->native_handle();
  if (SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION) != 1) {
    throw base::Error(base::ErrorCode::kInternal, "OpenSSL offers no TLS 1.2");
  }
  SSL_CTX_set_alpn_select_cb(native, choose_http_1_1, nullptr);
  boost::system::error_code error;
  context->use_certificate_chain_file(cert_file, error);
  require_accepted(error, cert_file, "a certificate");
  context->use_private_key_file(key_file, asio::ssl::context::pem, error);
  require_accepted(error, key_file, "the certificate's private key");
  return context;
}

}  // namespace levin::serve::http
