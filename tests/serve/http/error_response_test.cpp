#include "serve/http/error_response.h"

#include <gtest/gtest.h>

namespace levin::serve::http {
namespace {

TEST(ErrorResponse, HasOpenAisForm) {
  EXPECT_EQ(error_body(422, "temperature: 0 to 2 expected, got 3",
                       {.type = {}, .param = "temperature", .code = "out_of_range"}),
            R"({"error":{"message":"temperature: 0 to 2 expected, got 3",)"
            R"("type":"invalid_request_error","param":"temperature","code":"out_of_range"}})");
}

TEST(ErrorResponse, TakesTypeAndCodeFromTheStatus) {
  EXPECT_EQ(error_body(401, "wrong key"),
            R"({"error":{"message":"wrong key","type":"authentication_error","param":null,)"
            R"("code":"authentication_error"}})");
}

TEST(ErrorResponse, RepairsMessagesThatAreNotUtf8) {
  EXPECT_NE(error_body(400, "got \xFF").find("got \xEF\xBF\xBD"), std::string::npos);
}

TEST(ErrorResponse, SaysWhenToComeBack) {
  EXPECT_EQ(find_header(error_response(429, "full").headers, "Retry-After"), "1");
  EXPECT_EQ(find_header(error_response(400, "bad").headers, "Retry-After"), "");
}

TEST(ErrorResponse, KeepsTheInsideOfFailuresToItself) {
  const Response response =
      error_response(base::Error(base::ErrorCode::kIo, "cannot write", "/secret/file"));
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.body.find("secret"), std::string::npos);
}

TEST(ErrorResponse, ShowsWhatTheCallerCanChange) {
  const Response response =
      error_response(base::Error(base::ErrorCode::kInvalidArgument, "is missing", "messages"));
  EXPECT_EQ(response.status, 422);
  EXPECT_NE(response.body.find("messages: is missing"), std::string::npos);
}

}  // namespace
}  // namespace levin::serve::http
