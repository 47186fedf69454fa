// A connected socket, plain or with TLS, as two coroutines that move bytes.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <memory>
#include <string>

namespace levin::serve::http {

/// Awaits an operation of Asio whose errors are values.
inline constexpr auto kAwait = boost::asio::as_tuple(boost::asio::use_awaitable);

struct Transferred {
  boost::system::error_code error;  ///< asio::error::eof at the end
  size_t bytes = 0;
};

/// Used on the network thread alone; one read and one write may be under way at once.
class Transport {
 public:
  virtual ~Transport() = default;

  /// The TLS handshake; nothing for a plain socket.
  virtual boost::asio::awaitable<boost::system::error_code> handshake() = 0;
  virtual boost::asio::awaitable<Transferred> read_some(boost::asio::mutable_buffer into) = 0;
  virtual boost::asio::awaitable<Transferred> write_some(boost::asio::const_buffer from) = 0;

  /// Ends what is under way with operation_aborted; the connection stays.
  void cancel();
  /// Tells the peer that nothing more comes (TLS: close_notify, and waits for the peer's, which
  /// close() or cancel() cut short). No read or write may be under way. Reading goes on; with TLS
  /// what is read then are bytes as they arrive, good for nothing but counting.
  virtual boost::asio::awaitable<void> end_sending() = 0;
  void close();

 protected:
  void shutdown_socket();
  [[nodiscard]] virtual boost::asio::ip::tcp::socket& socket() = 0;
};

/// `tls` null: plain. It must outlive the transport.
[[nodiscard]] std::unique_ptr<Transport> make_transport(boost::asio::ip::tcp::socket socket,
                                                        boost::asio::ssl::context* tls);

/// A server's context, TLS 1.2 and up, from PEM files. Throws Error(kInvalidFile) naming the file
/// that OpenSSL does not accept; a key that is not the certificate's is one.
[[nodiscard]] std::unique_ptr<boost::asio::ssl::context> make_tls_context(
    const std::string& cert_file, const std::string& key_file);

}  // namespace levin::serve::http
