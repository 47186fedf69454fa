// The end of a server: nothing that runs is lost, nothing hangs.
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>

#include "serve/http/server_fixture.h"

namespace levin::serve::http {
namespace {

using std::chrono::milliseconds;

class DrainTest : public ServerTest {
 protected:
  std::future<size_t> drain(milliseconds limit) {
    return std::async(std::launch::async, [this, limit] { return server->drain(limit); });
  }
};

TEST_F(DrainTest, LetsARunningAnswerEnd) {
  start();
  const auto client = connect();
  client->send(post("/held", "{}"));
  const auto responder = next_held();
  responder->start_stream(200, "text/event-stream", {});
  std::future<size_t> drained = drain(milliseconds(10'000));
  EXPECT_EQ(drained.wait_for(milliseconds(200)), std::future_status::timeout);
  responder->write("data: last\n\n");
  responder->finish({});
  EXPECT_NE(client->read_all().find("data: last"), std::string::npos);
  EXPECT_EQ(drained.get(), 0U);
}

TEST_F(DrainTest, ClosesIdleConnectionsAtOnce) {
  start();
  const auto fresh = connect();
  const auto used = connect();
  used->send(get("/hello"));
  used->read_response();
  EXPECT_EQ(drain(milliseconds(10'000)).get(), 0U);
  EXPECT_TRUE(fresh->is_closed_within(milliseconds(1000)));
  EXPECT_TRUE(used->is_closed_within(milliseconds(1000)));
}

TEST_F(DrainTest, StopsListening) {
  const uint16_t port = start().port();
  server->drain(milliseconds(0));
  EXPECT_ANY_THROW(RawClient client(port));
}

TEST_F(DrainTest, CutsOffWhatOutlivesTheLimit) {
  start();
  const auto client = connect();
  client->send(post("/held", "{}"));
  const auto responder = next_held();
  EXPECT_EQ(drain(milliseconds(200)).get(), 1U);
  EXPECT_TRUE(responder->is_closed());
  server.reset();
  responder->send({.body = "{}"});  // held longer than the server: does nothing
}

TEST_F(DrainTest, BeginsNoHandlersForClientsThatHaveGone) {
  options.handler_threads = 1;
  std::promise<void> is_busy;
  std::promise<void> may_end;
  std::atomic<int> begun = 0;
  router.add("POST", "/busy", [&](const Request&, const std::shared_ptr<Responder>& responder) {
    if (++begun == 1) {
      is_busy.set_value();
      may_end.get_future().wait();
    }
    responder->send({.body = "{}"});
  });
  start();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(connect());
    clients.back()->send(post("/busy", "{}"));
  }
  is_busy.get_future().wait();
  clients.clear();
  std::thread drain([this] { server->drain(std::chrono::seconds(30)); });
  while (server->connections() > 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  may_end.set_value();
  drain.join();
  EXPECT_EQ(begun, 1);
}

TEST_F(DrainTest, FailuresOfTheLogStopNeitherDeadlinesNorTheEnd) {
  options.limits.idle_time = milliseconds(500);
  options.limits.lag_time = milliseconds(200);
  options.limits.max_queued_bytes = 1000;
  options.on_exchange = [](const ExchangeRecord& /*record*/) {
    throw std::runtime_error("no room for another line");
  };
  start();
  const auto lagging = connect();
  lagging->send(post("/held", "{}"));
  const auto responder = next_held();
  responder->start_stream(200, "text/event-stream", {});
  responder->write(std::string(size_t{16} << 20, 'x'));
  EXPECT_TRUE(soon([&] { return responder->is_closed(); })) << "cut off, which could not be logged";
  EXPECT_TRUE(soon([this] { return !failures().empty(); }));
  const auto idle = connect();
  EXPECT_TRUE(idle->is_closed_within(milliseconds(5000))) << "time is still watched";
  EXPECT_EQ(body_of(exchange(get("/hello"))), "hello");
  EXPECT_EQ(drain(milliseconds(10'000)).get(), 0U);
}

TEST_F(DrainTest, EndsTheConnectionBehindTheAnswer) {
  start();
  const auto client = connect();
  client->send(post("/held", "{}") + get("/hello"));
  const auto responder = next_held();
  std::future<size_t> drained = drain(milliseconds(10'000));
  std::this_thread::sleep_for(milliseconds(50));
  responder->send({.body = "{}"});
  EXPECT_EQ(body_of(client->read_all()), "{}");
  EXPECT_EQ(drained.get(), 0U);
}

}  // namespace
}  // namespace levin::serve::http
