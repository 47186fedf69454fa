// What hostile and clumsy clients meet: every limit, through real sockets.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "serve/http/server_fixture.h"

namespace levin::serve::http {
namespace {

using std::chrono::milliseconds;

/// A POST up to where its body of so many bytes begins.
std::string announced(size_t body_bytes) {
  return "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
         "Content-Length: " +
         std::to_string(body_bytes) + "\r\n\r\n";
}

class LimitsTest : public ServerTest {
 protected:
  /// The status of an answer to bytes behind which the server must close.
  int status_before_close(const std::string& bytes) {
    const auto client = connect();
    client->send(bytes);
    const std::string all = client->read_all();
    EXPECT_NE(body_of(all).find(R"({"error":{"message":")"), std::string::npos) << all;
    return status_of(all);
  }
  bool is_alive() { return status_of(exchange(get("/hello"))) == 200; }
};

TEST_F(LimitsTest, RefusesBytesThatAreNotHttp) {
  start();
  for (const std::string& bytes :
       std::vector<std::string>{"hello\r\n\r\n", std::string(100, '\0') + "\r\n\r\n", "GET\r\n\r\n",
                                "GET / HTTP/1.1\r\nHost localhost\r\n\r\n",
                                "GET / HTTP/1.1\r\nHost: localhost\r\nBad Name: 1\r\n\r\n",
                                "\x16\x03\x01\x02\x01\xfc\x03\x03\r\n\r\n"}) {
    EXPECT_EQ(status_before_close(bytes), 400) << bytes;
  }
  EXPECT_EQ(status_before_close("GET / HTTP/2.0\r\nHost: localhost\r\n\r\n"), 505);
  EXPECT_TRUE(is_alive());
}

TEST_F(LimitsTest, RefusesAmbiguousFraming) {
  start();
  const std::string head =
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
  EXPECT_EQ(status_before_close(head + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}"),
            400);
  EXPECT_EQ(status_before_close(head + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} "), 400);
  EXPECT_EQ(status_before_close(head + "Content-Length: -2\r\n\r\n{}"), 400);
  EXPECT_EQ(status_before_close(head + "Content-Length: 99999999999999999999999\r\n\r\n{}"), 400);
  EXPECT_EQ(status_before_close(head + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n"), 400);
  EXPECT_EQ(status_before_close(head + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 501);
  EXPECT_EQ(status_before_close(head + "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"),
            415);
}

TEST_F(LimitsTest, WantsOneHost) {
  start();
  EXPECT_EQ(status_before_close("GET /hello HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(
      status_before_close("GET /hello HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n"),
      400);
}

TEST_F(LimitsTest, RefusesTargetsThatAreNoPath) {
  start();
  for (const std::string target : {"hello", "*", "/%zz", "/%0", "/a%00b", "/a%0Ab"}) {
    EXPECT_EQ(status_of(exchange(get(target))), 400) << target;
  }
}

TEST_F(LimitsTest, RefusesLongHeaders) {
  options.limits.max_header_bytes = 1000;
  start();
  EXPECT_EQ(status_before_close(get("/hello", "X-Long: " + std::string(2000, 'x') + "\r\n")), 431);
  EXPECT_EQ(status_before_close("GET /" + std::string(2000, 'x')), 431);
  EXPECT_TRUE(is_alive());
}

TEST_F(LimitsTest, RefusesBigBodiesBeforeTheyArrive) {
  options.limits.max_body_bytes = 1000;
  start();
  const auto client = connect();
  client->send(announced(100000000));
  EXPECT_EQ(status_of(client->read_all()), 413);
}

TEST_F(LimitsTest, RefusesBigBodiesOfUnknownLength) {
  options.limits.max_body_bytes = 1000;
  start();
  EXPECT_EQ(status_before_close("POST /echo HTTP/1.1\r\nHost: localhost\r\n"
                                "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
                                "\r\n7d0\r\n" +
                                std::string(2000, 'x') + "\r\n0\r\n\r\n"),
            413);
}

TEST_F(LimitsTest, TakesABodyAsBigAsAllowed) {
  options.limits.max_body_bytes = size_t{4} << 20;
  start();
  const std::string body(size_t{4} << 20, 'x');
  EXPECT_EQ(body_of(exchange(post("/echo", body))), body);
  EXPECT_EQ(status_of(exchange(post("/echo", body + "x"))), 413);
}

TEST_F(LimitsTest, WhatIsOnlyAnnouncedTakesNothingFromOthers) {
  options.limits.max_body_bytes = 1000;
  options.limits.max_arriving_bytes = 1500;
  start();
  std::vector<std::unique_ptr<RawClient>> silent;
  for (int i = 0; i < 8; ++i) {
    silent.push_back(connect());
    silent.back()->send(announced(1000) + "{");
  }
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(status_of(exchange(post("/echo", std::string(900, ' ')))), 200);
  }
}

TEST_F(LimitsTest, BoundsWhatOneClientSendsAtOnce) {
  options.limits.max_body_bytes = 1000;
  options.limits.max_arriving_bytes_per_client = 1500;
  start();
  const auto slow = connect();
  slow->send(announced(1000) + std::string(900, ' '));
  EXPECT_TRUE(
      soon([&] { return status_of(exchange(post("/echo", std::string(900, ' ')))) == 503; }));
}

TEST_F(LimitsTest, BoundsWhatArrivesAtOnce) {
  options.limits.max_body_bytes = 1000;
  options.limits.max_arriving_bytes = 1500;
  start();
  const auto slow = connect();
  slow->send(announced(1000) + std::string(900, ' '));
  EXPECT_TRUE(
      soon([&] { return status_of(exchange(post("/echo", std::string(900, ' ')))) == 503; }));
  EXPECT_EQ(status_of(exchange(post("/echo", std::string(100, ' ')))), 200);
  slow->vanish();
  EXPECT_TRUE(
      soon([&] { return status_of(exchange(post("/echo", std::string(900, ' ')))) == 200; }));
}

TEST_F(LimitsTest, EndsHeadersThatDripIn) {
  options.limits.header_time = milliseconds(300);
  start();
  const auto client = connect();
  const std::string bytes = get("/hello", std::string("X-A: b\r\n"));
  for (size_t i = 0; i + 2 < bytes.size() && client->send(bytes.substr(i, 1)); ++i) {
    std::this_thread::sleep_for(milliseconds(20));
  }
  EXPECT_EQ(status_of(client->read_all()), 408);
  EXPECT_EQ(next_record().status, 408);
}

TEST_F(LimitsTest, EndsBodiesThatDripIn) {
  options.limits.body_time = milliseconds(300);
  start();
  const auto client = connect();
  client->send(announced(100));
  for (int i = 0; i < 50 && client->send(" "); ++i) {
    std::this_thread::sleep_for(milliseconds(20));
  }
  EXPECT_EQ(status_of(client->read_all()), 408);
}

TEST_F(LimitsTest, ClosesIdleConnections) {
  options.limits.idle_time = milliseconds(200);
  start();
  const auto client = connect();
  client->send(get("/hello"));
  EXPECT_EQ(status_of(client->read_response()), 200);
  EXPECT_TRUE(client->is_closed_within(milliseconds(5000)));
  EXPECT_TRUE(connect()->is_closed_within(milliseconds(5000)));  // never said a word
}

TEST_F(LimitsTest, BoundsTheConnectionsOfAnAddress) {
  options.limits.max_connections_per_address = 3;
  start();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(connect());
  }
  EXPECT_TRUE(soon([this] { return server->connections() == 3; }));
  EXPECT_EQ(status_of(connect()->read_all()), 503);
  clients.pop_back();
  EXPECT_TRUE(soon([this] { return server->connections() == 2; }));
  EXPECT_TRUE(is_alive());
}

TEST_F(LimitsTest, BoundsTheConnectionsOfAll) {
  std::atomic<size_t> turned_away = 0;
  options.on_turned_away = [&turned_away](size_t connections) { turned_away += connections; };
  options.limits.max_connections = 2;
  start();
  const auto first = connect();
  const auto second = connect();
  EXPECT_TRUE(soon([this] { return server->connections() == 2; }));
  const std::string refusal = connect()->read_all();
  EXPECT_EQ(status_of(refusal), 503);
  EXPECT_EQ(header_of(refusal, "Retry-After"), "1");
  EXPECT_EQ(status_of(connect()->read_all()), 503);
  EXPECT_TRUE(soon([&turned_away] { return turned_away == 2; }))
      << "whoever runs the server is told";
  EXPECT_EQ(server->turned_away(), 2U);
  server.reset();
}

TEST_F(LimitsTest, HoldsManyIdleConnectionsAndAnswersBetweenThem) {
  options.limits.max_connections_per_address = 500;
  start();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 400; ++i) {
    clients.push_back(connect());
  }
  EXPECT_TRUE(is_alive());
  clients.clear();
  EXPECT_TRUE(soon([this] { return server->connections() == 0; }));
}

}  // namespace
}  // namespace levin::serve::http
