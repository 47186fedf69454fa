// What the parser says of bytes, however they are cut.
#include "serve/http/request_parser.h"

#include <gtest/gtest.h>

#include <string>

namespace levin::serve::http {
namespace {

/// Feeds the parser as a connection does: what it leaves comes again with more behind it.
void feed(RequestParser& parser, std::string& pending, const std::string& bytes) {
  pending += bytes;
  pending.erase(0, parser.feed(pending));
}

TEST(RequestParser, BoundsAHeaderThatComesLineByLine) {
  RequestParser parser(1000, 1000);
  std::string pending;
  feed(parser, pending, "GET / HTTP/1.1\r\nHost: localhost\r\nA");
  for (int i = 0; i < 1000 && parser.state() == RequestParser::State::kHead; ++i) {
    feed(parser, pending, ": b\r\nA");
  }
  EXPECT_EQ(parser.state(), RequestParser::State::kFailed);
  EXPECT_EQ(parser.failure_status(), 431);
}

TEST(RequestParser, TakesAHeaderAsLongAsAllowed) {
  const std::string begin = "GET / HTTP/1.1\r\nHost: localhost\r\nA: ";
  const std::string end = "\r\n\r\n";
  const std::string head = begin + std::string(1000 - begin.size() - end.size(), 'x') + end;
  RequestParser parser(1000, 1000);
  EXPECT_EQ(parser.feed(head), 1000U);
  EXPECT_EQ(parser.state(), RequestParser::State::kComplete);
  RequestParser shorter(999, 1000);
  (void)shorter.feed(head);
  EXPECT_EQ(shorter.failure_status(), 431);
}

TEST(RequestParser, BoundsHeadsOfChunksAndTrailers) {
  for (const std::string begin : {"3;x=", "1\r\na\r\n0\r\nTrailer: "}) {
    RequestParser parser(1000, 1000);
    std::string pending;
    feed(parser, pending,
         "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    feed(parser, pending, begin);
    for (int i = 0; i < 1000 && parser.state() == RequestParser::State::kBody; ++i) {
      feed(parser, pending, "xxxxxxxxxx");
    }
    EXPECT_EQ(parser.state(), RequestParser::State::kFailed) << begin;
    EXPECT_EQ(parser.failure_status(), 431) << begin;
  }
}

}  // namespace
}  // namespace levin::serve::http
