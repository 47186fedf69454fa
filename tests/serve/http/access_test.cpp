// Who may ask from where, through real sockets.
#include "serve/http/access.h"

#include <gtest/gtest.h>

#include <string>

#include "serve/http/server_fixture.h"

namespace levin::serve::http {
namespace {

std::string get_from(const std::string& host, const std::string& origin = "") {
  return "GET /hello HTTP/1.1\r\nHost: " + host + "\r\n" +
         (origin.empty() ? "" : "Origin: " + origin + "\r\n") + "\r\n";
}

class AccessTest : public ServerTest {
 protected:
  int status(const std::string& bytes) { return status_of(exchange(bytes)); }
};

TEST_F(AccessTest, AnswersToAddressesAndLocalhost) {
  start();
  for (const char* host : {"localhost", "localhost:8080", "LOCALHOST", "127.0.0.1", "127.0.0.1:1",
                           "[::1]", "[::1]:8080", "192.168.0.7:8080"}) {
    EXPECT_EQ(status(get_from(host)), 200) << host;
  }
}

TEST_F(AccessTest, RefusesNamesThatMayBeRebound) {
  start();
  for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example",
                           "evil.example:8080", "[evil]", "[", ""}) {
    EXPECT_EQ(status(get_from(host)), 403) << host;
  }
}

TEST_F(AccessTest, AnswersToNamesOfTheList) {
  options.allowed_hosts = {"llm.example"};
  start();
  EXPECT_EQ(status(get_from("llm.example")), 200);
  EXPECT_EQ(status(get_from("llm.example:443")), 200);
  EXPECT_EQ(status(get_from("other.example")), 403);
}

TEST_F(AccessTest, RefusesPagesOfOtherOrigins) {
  start();
  EXPECT_EQ(status(get_from("localhost:8080", "http://localhost:8080")), 200);
  EXPECT_EQ(status(get_from("localhost:8080", "http://localhost:3000")), 403);
  EXPECT_EQ(status(get_from("localhost:8080", "https://evil.example")), 403);
  EXPECT_EQ(status(get_from("localhost:8080", "null")), 403);
}

TEST_F(AccessTest, LetsListedOriginsCall) {
  options.cors_origins = {"https://app.example"};
  start();
  const std::string response = exchange(get_from("localhost", "https://app.example"));
  EXPECT_EQ(status_of(response), 200);
  EXPECT_EQ(header_of(response, "Access-Control-Allow-Origin"), "https://app.example");
  EXPECT_EQ(header_of(response, "Vary"), "Origin");
  EXPECT_EQ(header_of(exchange(get_from("localhost")), "Access-Control-Allow-Origin"), "");
}

TEST_F(AccessTest, AnswersPreflights) {
  options.cors_origins = {"https://app.example"};
  start();
  const std::string ask =
      "OPTIONS /echo HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example\r\n"
      "Access-Control-Request-Method: POST\r\n"
      "Access-Control-Request-Headers: authorization,content-type,x-stainless-os\r\n\r\n";
  const std::string response = exchange(ask);
  EXPECT_EQ(status_of(response), 204);
  EXPECT_EQ(header_of(response, "Access-Control-Allow-Origin"), "https://app.example");
  EXPECT_EQ(header_of(response, "Access-Control-Allow-Headers"),
            "authorization,content-type,x-stainless-os");
  EXPECT_NE(header_of(response, "Access-Control-Allow-Methods").find("POST"), std::string::npos);
  const std::string other =
      "OPTIONS /echo HTTP/1.1\r\nHost: localhost\r\n"
      "Origin: https://evil.example\r\n"
      "Access-Control-Request-Method: POST\r\n\r\n";
  EXPECT_EQ(status(other), 403);
}

TEST_F(AccessTest, TellsBrowsersOfErrorsToo) {
  options.cors_origins = {"https://app.example"};
  start();
  const std::string response = exchange(
      "GET /nothing HTTP/1.1\r\nHost: localhost\r\n"
      "Origin: https://app.example\r\n\r\n");
  EXPECT_EQ(status_of(response), 404);
  EXPECT_EQ(header_of(response, "Access-Control-Allow-Origin"), "https://app.example");
}

TEST_F(AccessTest, WantsJson) {
  start();
  for (const char* type : {"text/plain", "application/x-www-form-urlencoded", "",
                           "application/jsonp", "text/plain; application/json"}) {
    EXPECT_EQ(status("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: " +
                     std::string(type) + "\r\nContent-Length: 2\r\n\r\n{}"),
              415)
        << type;
  }
}

TEST_F(AccessTest, SendsSecurityHeaders) {
  start();
  const std::string response = exchange(get("/hello"));
  EXPECT_EQ(header_of(response, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(header_of(response, "Cache-Control"), "no-store");
  EXPECT_NE(header_of(response, "Content-Security-Policy").find("default-src 'none'"),
            std::string::npos);
}

TEST_F(AccessTest, LetsHandlersReplaceThem) {
  router.add("GET", "/cached", [](const Request&, const std::shared_ptr<Responder>& responder) {
    responder->send({.body = "1", .headers = {{"Cache-Control", "max-age=60"}}});
  });
  start();
  EXPECT_EQ(header_of(exchange(get("/cached")), "Cache-Control"), "max-age=60");
}

TEST_F(AccessTest, KeepsHandlersFromBreakingTheHeader) {
  router.add("GET", "/split", [](const Request&, const std::shared_ptr<Responder>& responder) {
    responder->send({.body = "1", .headers = {{"X-Text", "a\r\nX-Injected: b"}}});
  });
  start();
  const std::string response = exchange(get("/split"));
  EXPECT_EQ(header_of(response, "X-Injected"), "");
  EXPECT_EQ(header_of(response, "X-Text"), "a  X-Injected: b");
}

}  // namespace
}  // namespace levin::serve::http
