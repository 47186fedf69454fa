#include "serve/http/router.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/error.h"

namespace levin::serve::http {
namespace {

class RouterTest : public testing::Test {
 protected:
  void add(const std::string& method, const std::string& path) {
    router.add(method, path,
               [this, method, path](const Request&, const std::shared_ptr<Responder>&) {
                 called = method + " " + path;
               });
  }
  /// The route that answers, or its Allow header behind "405 ", or "404".
  std::string route(const std::string& method, const std::string& path) {
    const Router::Match match = router.find(method, path);
    if (match.handler == nullptr) {
      return match.allow.empty() ? "404" : "405 " + match.allow;
    }
    (*match.handler)({}, nullptr);
    return called;
  }

  Router router;
  std::string called;
};

TEST_F(RouterTest, FindsTheExactPathAndMethod) {
  add("GET", "/models");
  add("POST", "/chat/completions");
  EXPECT_EQ(route("GET", "/models"), "GET /models");
  EXPECT_EQ(route("POST", "/chat/completions"), "POST /chat/completions");
}

TEST_F(RouterTest, KnowsNoOtherPaths) {
  add("GET", "/models");
  EXPECT_EQ(route("GET", "/model"), "404");
  EXPECT_EQ(route("GET", "/models/"), "404");
  EXPECT_EQ(route("GET", "/Models"), "404");
  EXPECT_EQ(route("GET", ""), "404");
}

TEST_F(RouterTest, NamesTheAllowedMethodsOfAPath) {
  add("POST", "/keys");
  add("GET", "/keys");
  EXPECT_EQ(route("DELETE", "/keys"), "405 GET, HEAD, POST");
  EXPECT_EQ(route("get", "/keys"), "405 GET, HEAD, POST");
}

TEST_F(RouterTest, AnswersHeadAsGet) {
  add("GET", "/health");
  EXPECT_EQ(route("HEAD", "/health"), "GET /health");
}

TEST_F(RouterTest, PrefersExactPathsThenTheLongestPrefix) {
  add("GET", "/*");
  add("GET", "/assets/*");
  add("GET", "/assets/about");
  EXPECT_EQ(route("GET", "/"), "GET /*");
  EXPECT_EQ(route("GET", "/a/b/c"), "GET /*");
  EXPECT_EQ(route("GET", "/assets/x/y.js"), "GET /assets/*");
  EXPECT_EQ(route("GET", "/assets/about"), "GET /assets/about");
}

TEST_F(RouterTest, KnowsNoPathBelowAPrefixByAnotherMethod) {
  add("GET", "/*");
  add("GET", "/assets/*");
  add("POST", "/chat/completions");
  EXPECT_EQ(route("POST", "/embeddings"), "404");
  EXPECT_EQ(route("POST", "/assets/x.js"), "404");
  EXPECT_EQ(route("HEAD", "/assets/x.js"), "GET /assets/*");
  EXPECT_EQ(route("GET", "/chat/completions"), "405 POST");
}

TEST_F(RouterTest, RefusesTheSameRouteTwice) {
  add("GET", "/models");
  EXPECT_THROW(add("GET", "/models"), base::Error);
}

TEST(Headers, CompareWithoutCase) {
  const Headers headers = {{"Content-Type", "text/plain"}, {"content-type", "second"}};
  EXPECT_EQ(find_header(headers, "CONTENT-TYPE"), "text/plain");
  EXPECT_EQ(find_header(headers, "content-typ"), "");
}

}  // namespace
}  // namespace levin::serve::http
