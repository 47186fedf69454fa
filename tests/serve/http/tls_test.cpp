// TLS, with a certificate made for the test.
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>

#include "base/error.h"
#include "formats/temporary_folder.h"
#include "serve/http/server_fixture.h"

namespace levin::serve::http {
namespace {

namespace asio = boost::asio;

struct PrivateKeyDeleter {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using PrivateKey = std::unique_ptr<EVP_PKEY, PrivateKeyDeleter>;

void write_key(const PrivateKey& key, const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
}

void write_certificate(const PrivateKey& key, const std::string& path) {
  X509* certificate = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  X509_sign(certificate, key.get(), EVP_sha256());
  std::FILE* file = std::fopen(path.c_str(), "w");
  PEM_write_X509(file, certificate);
  std::fclose(file);
  X509_free(certificate);
}

class TlsTest : public ServerTest {
 public:
  ~TlsTest() override { server.reset(); }

 protected:
  TlsTest() {
    options.tls_cert_file = folder_.file("cert.pem");
    options.tls_key_file = folder_.file("key.pem");
    const PrivateKey key(EVP_EC_gen("P-256"));
    write_key(key, options.tls_key_file);
    write_certificate(key, options.tls_cert_file);
  }

  /// All that the server sends to `request`; throws if no connection comes about.
  std::string exchange_tls(const std::string& request, int max_version = TLS1_3_VERSION) {
    asio::io_context context;
    asio::ssl::context tls(asio::ssl::context::tls_client);
    SSL_CTX_set_max_proto_version(tls.native_handle(), max_version);
    asio::ssl::stream<asio::ip::tcp::socket> stream(context, tls);
    stream.next_layer().connect({asio::ip::address_v4::loopback(), server->port()});
    stream.handshake(asio::ssl::stream_base::client);
    asio::write(stream, asio::buffer(request));
    std::string response;
    asio::read(stream, asio::dynamic_buffer(response), end_);
    return response;
  }
  /// How the last exchange ended for the client: eof after a close_notify, else stream_truncated.
  [[nodiscard]] boost::system::error_code end() const { return end_; }
  [[nodiscard]] const levin::testing::TemporaryFolder& folder() const { return folder_; }

 private:
  levin::testing::TemporaryFolder folder_;
  boost::system::error_code end_;
};

TEST_F(TlsTest, AnswersRequests) {
  start();
  EXPECT_EQ(body_of(exchange_tls(get("/hello", "Connection: close\r\n"))), "hello");
  const std::string body(size_t{3} << 20, 'x');
  EXPECT_EQ(body_of(exchange_tls(post("/echo", body, "Connection: close\r\n"))), body);
}

TEST_F(TlsTest, AnswersPipelinedRequests) {
  start();
  const std::string all =
      exchange_tls(get("/hello") + get("/hello") + get("/hello", "Connection: close\r\n"));
  size_t answers = 0;
  for (size_t at = all.find("hello"); at != std::string::npos; at = all.find("hello", at + 1)) {
    ++answers;
  }
  EXPECT_EQ(answers, 3U);
}

TEST_F(TlsTest, SaysThatTheLastAnswerIsWhole) {
  start();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    exchange_tls(get("/hello", "Connection: close\r\n"), version);
    EXPECT_EQ(end(), asio::error::eof) << "TLS " << version;
    // Also to a client that sends more than is read.
    const std::string more = get("/hello", "Connection: close\r\n") + get("/hello");
    EXPECT_EQ(body_of(exchange_tls(more, version)), "hello");
    EXPECT_EQ(end(), asio::error::eof) << "TLS " << version;
  }
}

TEST_F(TlsTest, RefusesOldVersions) {
  start();
  EXPECT_NO_THROW(exchange_tls(get("/hello", "Connection: close\r\n"), TLS1_2_VERSION));
  EXPECT_ANY_THROW(exchange_tls(get("/hello"), TLS1_1_VERSION));
}

TEST_F(TlsTest, ClosesConnectionsThatSpeakNoTls) {
  start();
  const auto client = connect();
  client->send(get("/hello"));
  EXPECT_EQ(client->read_all().find("hello"), std::string::npos);
}

TEST_F(TlsTest, EndsHandshakesThatNeverEnd) {
  options.limits.header_time = std::chrono::milliseconds(200);
  start();
  EXPECT_TRUE(connect()->is_closed_within(std::chrono::milliseconds(5000)));
}

TEST_F(TlsTest, NamesTheFileThatIsNoCertificateOrNotItsKey) {
  write_key(PrivateKey(EVP_EC_gen("P-256")), folder().file("other.pem"));
  const auto failure = [this] {
    try {
      start();
    } catch (const base::Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  options.tls_key_file = folder().file("other.pem");
  EXPECT_NE(failure().find("other.pem: the certificate's private key"), std::string::npos);
  options.tls_cert_file = folder().file("nothing.pem");
  EXPECT_NE(failure().find("nothing.pem: a certificate in PEM form expected"), std::string::npos);
}

}  // namespace
}  // namespace levin::serve::http
