// The server's plain duties, through real sockets.
#include "serve/http/server.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "base/error.h"
#include "serve/http/server_fixture.h"

namespace levin::serve::http {
namespace {

TEST_F(ServerTest, AnswersARequest) {
  start();
  const std::string response = exchange(get("/hello"));
  EXPECT_EQ(status_of(response), 200);
  EXPECT_EQ(header_of(response, "Content-Type"), "text/plain");
  EXPECT_EQ(header_of(response, "Content-Length"), "5");
  EXPECT_EQ(body_of(response), "hello");
}

TEST_F(ServerTest, HandsTheBodyOver) {
  start();
  EXPECT_EQ(body_of(exchange(post("/echo", R"({"a":1})"))), R"({"a":1})");
  EXPECT_EQ(body_of(exchange("POST /echo HTTP/1.1\r\nHost: localhost\r\n"
                             "Content-Type: application/json; charset=utf-8\r\n"
                             "Transfer-Encoding: chunked\r\n\r\n"
                             "2\r\n{}\r\n1\r\n \r\n0\r\n\r\n")),
            "{} ");
}

TEST_F(ServerTest, KeepsTheConnectionForTheNextRequest) {
  start();
  const auto client = connect();
  for (int i = 0; i < 3; ++i) {
    client->send(get("/hello"));
    EXPECT_EQ(body_of(client->read_response()), "hello");
  }
  EXPECT_EQ(server->connections(), 1U);
}

TEST_F(ServerTest, ClosesWhenTheClientAsksForIt) {
  start();
  const auto client = connect();
  client->send(get("/hello", "Connection: close\r\n"));
  const std::string response = client->read_all();
  EXPECT_EQ(header_of(response, "Connection"), "close");
  EXPECT_EQ(body_of(response), "hello");
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  start();
  const auto client = connect();
  client->send(post("/held", "{}") + post("/echo", "1") + post("/echo", "2") + get("/hello"));
  const auto held = next_held();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  held->send({.body = "0"});
  std::string bodies;
  for (int i = 0; i < 4; ++i) {
    bodies += body_of(client->read_response()) + " ";
  }
  EXPECT_EQ(bodies, "0 1 2 hello ");
}

TEST_F(ServerTest, QuickHandlersAnswerWhileTheOthersAreBusy) {
  options.handler_threads = 1;
  std::promise<void> may_end;
  std::promise<void> is_busy;
  router.add("POST", "/busy", [&](const Request&, const std::shared_ptr<Responder>& responder) {
    is_busy.set_value();
    may_end.get_future().wait();
    responder->send({.body = "{}"});
  });
  const auto answer = [](const Request&, const std::shared_ptr<Responder>& responder) {
    responder->send({.body = "quick"});
  };
  router.add("GET", "/quick", answer, Lane::kQuick);
  start();
  const auto client = connect();
  client->send(post("/busy", "{}"));
  is_busy.get_future().wait();
  EXPECT_EQ(body_of(exchange(get("/quick"))), "quick");
  EXPECT_EQ(status_of(exchange(post("/quick", "{}"))), 405);
  may_end.set_value();
  EXPECT_EQ(body_of(client->read_response()), "{}");
}

TEST_F(ServerTest, SlowHandlersLeaveThreadsToOthers) {
  options.handler_threads = 2;
  std::promise<void> may_end;
  const std::shared_future<void> end = may_end.get_future().share();
  std::promise<void> is_busy;
  std::atomic<int> running = 0;
  std::atomic<int> most_running = 0;
  const auto answer = [&](const Request&, const std::shared_ptr<Responder>& responder) {
    if (const int now = ++running; now > most_running) {
      most_running = now;
      is_busy.set_value();
    }
    end.wait();
    --running;
    responder->send({.body = "{}"});
  };
  router.add("POST", "/slow", answer, Lane::kSlow);
  start();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(connect());
    clients.back()->send(post("/slow", "{}"));
  }
  is_busy.get_future().wait();
  EXPECT_EQ(body_of(exchange(get("/hello"))), "hello");
  may_end.set_value();
  for (const auto& client : clients) {
    EXPECT_EQ(body_of(client->read_response()), "{}");
  }
  EXPECT_EQ(most_running, 1);
}

TEST_F(ServerTest, AnswersHeadWithoutABody) {
  start();
  const auto client = connect();
  client->send("HEAD /hello HTTP/1.1\r\nHost: localhost\r\n\r\n" + get("/nothing"));
  EXPECT_EQ(header_of(client->read_until("\r\n\r\n"), "Content-Length"), "5");
  EXPECT_EQ(status_of(client->read_response()), 404);
}

TEST_F(ServerTest, SpeaksHttp10) {
  start();
  const auto client = connect();
  client->send("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_EQ(body_of(client->read_all()), "hello");
}

TEST_F(ServerTest, InvitesTheBodyOfAClientThatWaits) {
  start();
  const auto client = connect();
  client->send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client->read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client->send("[]");
  EXPECT_EQ(body_of(client->read_response()), "[]");
}

TEST_F(ServerTest, SaysWhatIsNotThere) {
  start();
  EXPECT_EQ(status_of(exchange(get("/nothing"))), 404);
  const std::string response = exchange(get("/echo"));
  EXPECT_EQ(status_of(response), 405);
  EXPECT_EQ(header_of(response, "Allow"), "POST");
}

TEST_F(ServerTest, GivesEachRequestAnId) {
  start();
  std::set<std::string> ids;
  for (int i = 0; i < 3; ++i) {
    ids.insert(header_of(exchange(get("/hello")), "X-Request-Id"));
  }
  EXPECT_EQ(ids.size(), 3U);
}

TEST_F(ServerTest, LogsWhatHappenedButNoContent) {
  start();
  const std::string response = exchange(post("/echo?secret=1", "{}"));
  const ExchangeRecord record = next_record();
  EXPECT_EQ(record.id, header_of(response, "X-Request-Id"));
  EXPECT_EQ(record.method, "POST");
  EXPECT_EQ(record.path, "/echo");
  EXPECT_EQ(record.remote_address, "127.0.0.1");
  EXPECT_EQ(record.status, 200);
  EXPECT_EQ(record.received_bytes, 2U);
  EXPECT_EQ(record.sent_bytes, response.size());
  EXPECT_TRUE(record.is_complete);
}

TEST_F(ServerTest, TurnsWhatHandlersThrowIntoErrorBodies) {
  router.add("GET", "/invalid", [](const Request&, const std::shared_ptr<Responder>&) {
    throw base::Error(base::ErrorCode::kInvalidArgument, "0 to 2 expected, got 3", "temperature");
  });
  router.add("GET", "/broken", [](const Request&, const std::shared_ptr<Responder>&) {
    throw std::runtime_error("a secret of the inside");
  });
  start();
  const std::string invalid = exchange(get("/invalid"));
  EXPECT_EQ(status_of(invalid), 422);
  EXPECT_NE(invalid.find("temperature: 0 to 2 expected, got 3"), std::string::npos);
  const std::string broken = exchange(get("/broken"));
  EXPECT_EQ(status_of(broken), 500);
  EXPECT_EQ(broken.find("secret"), std::string::npos);
  EXPECT_EQ(failures(), std::vector<std::string>{"a secret of the inside"});
}

TEST_F(ServerTest, AnswersForHandlersThatForgetTo) {
  router.add("GET", "/forgotten", [](const Request&, const std::shared_ptr<Responder>&) {});
  start();
  EXPECT_EQ(status_of(exchange(get("/forgotten"))), 500);
}

TEST_F(ServerTest, ListensOnIpv6) {
  options.address = "::1";
  EXPECT_NE(start().port(), 0);
}

TEST_F(ServerTest, RefusesAddressesThatAreNone) {
  options.address = "999.1.1.1";
  EXPECT_THROW(start(), base::Error);
}

TEST_F(ServerTest, SaysThatAPortIsTaken) {
  start();
  ServerOptions second = options;
  second.port = server->port();
  try {
    const Server other(second, router);
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ErrorCode::kIo);
    EXPECT_NE(std::string(error.what()).find("choose another --host or --port"), std::string::npos);
  }
}

TEST_F(ServerTest, NewRoutesHoldForTheNextRequest) {
  start();
  const auto client = connect();
  client->send(post("/held", "1"));
  const auto held = next_held();
  Router later;
  later.add("GET", "/later", [](const Request&, const std::shared_ptr<Responder>& responder) {
    responder->send({.body = "later"});
  });
  server->set_routes(std::move(later));
  held->send({.body = "still answered"});
  EXPECT_EQ(body_of(client->read_response()), "still answered");
  client->send(get("/later"));
  EXPECT_EQ(body_of(client->read_response()), "later");
  EXPECT_EQ(status_of(exchange(get("/hello"))), 404);
}

}  // namespace
}  // namespace levin::serve::http
