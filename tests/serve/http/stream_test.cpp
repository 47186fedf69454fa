// Streams, long waits, clients that lag or vanish.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "serve/http/server_fixture.h"

namespace levin::serve::http {
namespace {

constexpr const char* kSse = "text/event-stream";
using std::chrono::milliseconds;

class StreamTest : public ServerTest {
 protected:
  /// A client whose request /held has.
  std::shared_ptr<Responder> hold(RawClient& client) {
    client.send(post("/held", "{}"));
    return next_held();
  }
};

TEST_F(StreamTest, SendsEachPieceWhenItIsWritten) {
  start();
  const auto client = connect();
  const auto responder = hold(*client);
  responder->start_stream(200, kSse, {{"X-Extra", "1"}});
  const std::string head = client->read_until("\r\n\r\n");
  EXPECT_EQ(header_of(head, "Transfer-Encoding"), "chunked");
  EXPECT_EQ(header_of(head, "X-Extra"), "1");
  responder->write("data: one\n\n");
  EXPECT_EQ(client->read_until("\n\n\r\n"), "b\r\ndata: one\n\n\r\n");
  responder->write("data: two\n\n");
  responder->finish({});
  EXPECT_EQ(client->read_until("0\r\n\r\n"), "b\r\ndata: two\n\n\r\n0\r\n\r\n");
  client->send(get("/hello"));  // the connection lives on
  EXPECT_EQ(body_of(client->read_response()), "hello");
}

TEST_F(StreamTest, HearsCommentsWhileNothingIsWritten) {
  options.limits.keep_alive_interval = milliseconds(30);
  start();
  const auto client = connect();
  const auto responder = hold(*client);
  responder->start_stream(200, kSse, {});
  client->read_until("\r\n\r\n");
  EXPECT_EQ(client->read_until("\n\n\r\n"), "e\r\n: keep-alive\n\n\r\n");
  responder->finish({});
}

TEST_F(StreamTest, SendsEmptyLinesBeforeALateAnswer) {
  options.limits.keep_alive_interval = milliseconds(30);
  start();
  const auto client = connect();
  const auto responder = hold(*client);
  responder->expect_long_wait(LongWait::kBody, "X-Cost");
  const std::string head = client->read_until("\r\n\r\n");
  EXPECT_EQ(status_of(head), 200);
  EXPECT_EQ(header_of(head, "Trailer"), "X-Cost");
  EXPECT_EQ(client->read_until("\n\r\n"), "1\r\n\n\r\n");
  responder->send({.body = "{}", .headers = {{"X-Cost", "1"}}});
  EXPECT_TRUE(
      client->read_until("X-Cost: 1\r\n\r\n").ends_with("2\r\n{}\r\n0\r\nX-Cost: 1\r\n\r\n"))
      << "the head is gone, so this comes behind the body";
}

TEST_F(StreamTest, BringsNoOtherHeaderOfALateAnswer) {
  options.limits.keep_alive_interval = milliseconds(30);
  start();
  const auto client = connect();
  const auto responder = hold(*client);
  responder->expect_long_wait(LongWait::kBody, "X-Cost");
  client->read_until("\n\r\n");
  responder->send({.status = 503, .body = "{}", .headers = {{"Retry-After", "1"}}});
  EXPECT_TRUE(client->read_until("0\r\n\r\n").ends_with("2\r\n{}\r\n0\r\n\r\n"));
}

TEST_F(StreamTest, EndsWithWhatWasNotKnownAtItsBeginning) {
  start();
  const auto client = connect();
  const auto responder = hold(*client);
  responder->expect_long_wait(LongWait::kEvents, "X-Cost");
  responder->start_stream(200, kSse, {});
  responder->write("data: one\n\n");
  responder->finish("0.1\r\nX-Evil: 1");
  EXPECT_EQ(header_of(client->read_until("\r\n\r\n"), "Trailer"), "X-Cost");
  EXPECT_EQ(client->read_until("1\r\n\r\n"),
            "b\r\ndata: one\n\n\r\n0\r\nX-Cost: 0.1  X-Evil: 1\r\n\r\n");
  client->send(get("/hello"));
  EXPECT_EQ(body_of(client->read_response()), "hello");
}

TEST_F(StreamTest, PromisesNoTrailerWhereThereIsNoPlaceForIt) {
  start();
  const auto client = connect();
  client->send(
      "POST /held HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
  const auto responder = next_held();
  responder->expect_long_wait(LongWait::kEvents, "X-Cost");
  responder->start_stream(200, kSse, {});
  responder->finish("0.1");
  EXPECT_EQ(client->read_all().find("X-Cost"), std::string::npos);
}

TEST_F(StreamTest, HearsCommentsBeforeALateStream) {
  options.limits.keep_alive_interval = milliseconds(30);
  start();
  const auto client = connect();
  const auto responder = hold(*client);
  responder->expect_long_wait(LongWait::kEvents, "");
  const std::string head = client->read_until("\r\n\r\n");
  EXPECT_EQ(status_of(head), 200);
  EXPECT_EQ(header_of(head, "Content-Type"), kEventStreamType);
  EXPECT_EQ(header_of(head, "Cache-Control"), "no-cache");
  EXPECT_EQ(client->read_until("\n\n\r\n"), "e\r\n: keep-alive\n\n\r\n");
  responder->start_stream(200, kSse, {});
  responder->write("data: one\n\n");
  responder->finish({});
  EXPECT_TRUE(client->read_until("0\r\n\r\n").ends_with("b\r\ndata: one\n\n\r\n0\r\n\r\n"));
}

TEST_F(StreamTest, GetsALateRefusalAsAnEventAfterComments) {
  options.limits.keep_alive_interval = milliseconds(30);
  start();
  const auto client = connect();
  const auto responder = hold(*client);
  responder->expect_long_wait(LongWait::kEvents, "");
  client->read_until(": keep-alive");
  responder->send({.status = 503, .body = "{}"});
  EXPECT_TRUE(client->read_until("0\r\n\r\n").ends_with("a\r\ndata: {}\n\n\r\n0\r\n\r\n"));
  client->send(get("/hello"));  // the connection lives on
  EXPECT_EQ(body_of(client->read_response()), "hello");
}

TEST_F(StreamTest, WaitsInSilenceUnlessToldThatItTakesLong) {
  options.limits.keep_alive_interval = milliseconds(10);
  start();
  const auto client = connect();
  const auto responder = hold(*client);
  std::this_thread::sleep_for(milliseconds(50));
  responder->send({.status = 422, .body = "{}"});
  EXPECT_EQ(status_of(client->read_response()), 422);
}

TEST_F(StreamTest, StreamsToHttp10UntilItCloses) {
  start();
  const auto client = connect();
  client->send(
      "POST /held HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
  const auto responder = next_held();
  responder->start_stream(200, kSse, {});
  responder->write("data: one\n\n");
  responder->finish({});
  EXPECT_EQ(body_of(client->read_all()), "data: one\n\n");
}

TEST_F(StreamTest, TellsTheHandlerThatItsClientHasGone) {
  start();
  for (const bool is_streaming : {false, true}) {
    const auto client = connect();
    const auto responder = hold(*client);
    if (is_streaming) {
      responder->start_stream(200, kSse, {});
      client->read_until("\r\n\r\n");
    }
    EXPECT_FALSE(responder->is_closed());
    client->vanish();
    EXPECT_TRUE(soon([&] { return responder->is_closed(); }));
    responder->write("data: into the void\n\n");
    responder->finish({});
    EXPECT_EQ(responder->queued_bytes(), 0U);
    EXPECT_FALSE(next_record().is_complete);
  }
  EXPECT_TRUE(soon([this] { return server->connections() == 0; }));
}

TEST_F(StreamTest, NoticesAVanishingClientBehindPipelinedRequests) {
  start();
  const auto client = connect();
  client->send(post("/held", "{}") + get("/hello"));
  const auto responder = next_held();
  client->vanish();
  EXPECT_TRUE(soon([&] { return responder->is_closed(); }));
}

TEST_F(StreamTest, CountsWhatTheClientHasNotTaken) {
  start();
  const auto client = connect();
  const auto responder = hold(*client);
  responder->start_stream(200, kSse, {});
  const std::string piece(size_t{1} << 20, 'x');
  for (int i = 0; i < 16; ++i) {
    responder->write(piece);
  }
  EXPECT_GT(responder->queued_bytes(), size_t{1} << 20);
  responder->finish({});
  client->read_until("0\r\n\r\n");
  EXPECT_TRUE(soon([&] { return responder->queued_bytes() == 0; }));
}

TEST_F(StreamTest, CutsOffAReaderThatLags) {
  options.limits.lag_time = milliseconds(300);
  options.limits.max_queued_bytes = 1000;
  start();
  const auto client = connect();
  const auto responder = hold(*client);
  responder->start_stream(200, kSse, {});
  responder->write(std::string(size_t{16} << 20, 'x'));
  EXPECT_TRUE(soon([&] { return responder->is_closed(); }));
  EXPECT_EQ(responder->queued_bytes(), 0U);
}

TEST_F(StreamTest, CutsOffAReaderThatTrickles) {
  options.limits.lag_time = milliseconds(300);
  start();
  const auto client = connect();
  const auto responder = hold(*client);
  responder->send({.body = std::string(size_t{64} << 20, 'x')});
  // More than it takes for each write to end in time, and far less than 64 KiB in each 300 ms.
  EXPECT_TRUE(soon([&] {
    client->read_once(milliseconds(1));
    std::this_thread::sleep_for(milliseconds(100));
    return responder->is_closed();
  }));
}

TEST_F(StreamTest, LeavesAReaderAloneThatKeepsUp) {
  options.limits.lag_time = milliseconds(200);
  start();
  const auto client = connect();
  const auto responder = hold(*client);
  responder->start_stream(200, kSse, {});
  for (int i = 0; i < 10; ++i) {
    responder->write("data: more\n\n");
    client->read_until("more\n\n\r\n");
    std::this_thread::sleep_for(milliseconds(50));
  }
  EXPECT_FALSE(responder->is_closed());
}

TEST_F(StreamTest, BreaksAStreamThatItsHandlerGivesUp) {
  start();
  const auto client = connect();
  auto responder = hold(*client);
  responder->start_stream(200, kSse, {});
  responder->write("data: one\n\n");
  responder.reset();
  const std::string all = client->read_all();
  EXPECT_NE(all.find("data: one"), std::string::npos);
  EXPECT_FALSE(all.ends_with("0\r\n\r\n"));  // the client sees that the end is missing
}

}  // namespace
}  // namespace levin::serve::http
