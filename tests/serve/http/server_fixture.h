// A server with a few handlers that tests steer.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "serve/http/raw_client.h"
#include "serve/http/server.h"

namespace levin::serve::http {

/// GET /hello says hello, POST /echo returns the body, POST /held hands its responder to the test.
class ServerTest : public ::testing::Test {
 public:
  ~ServerTest() override { server.reset(); }  // it logs to the members below

 protected:
  ServerTest() {
    options.port = 0;
    options.limits.keep_alive_interval = std::chrono::seconds(30);
    options.on_exchange = [this](const ExchangeRecord& record) {
      const std::lock_guard lock(mutex_);
      records_.push_back(record);
      changed_.notify_all();
    };
    options.on_failure = [this](std::string_view, std::string_view reason) {
      const std::lock_guard lock(mutex_);
      failures_.emplace_back(reason);
    };
    router.add("GET", "/hello", [](const Request&, const std::shared_ptr<Responder>& responder) {
      responder->send({.content_type = "text/plain", .body = "hello"});
    });
    router.add("POST", "/echo", [](Request request, const std::shared_ptr<Responder>& responder) {
      responder->send({.body = std::move(request.body)});
    });
    router.add("POST", "/held",
               [this](const Request& request, const std::shared_ptr<Responder>& responder) {
                 const std::lock_guard lock(mutex_);
                 held_.emplace_back(request, responder);
                 changed_.notify_all();
               });
  }

  Server& start() {
    server = std::make_unique<Server>(options, router);
    return *server;
  }
  [[nodiscard]] std::unique_ptr<RawClient> connect() const {
    return std::make_unique<RawClient>(server->port());
  }
  /// One request on a connection of its own.
  std::string exchange(const std::string& bytes) {
    const auto client = connect();
    client->send(bytes);
    return client->read_response();
  }
  /// The next responder that /held was given.
  std::shared_ptr<Responder> next_held() {
    std::unique_lock lock(mutex_);
    wait(lock, [this] { return !held_.empty(); });
    std::shared_ptr<Responder> responder = std::move(held_.front().second);
    held_.erase(held_.begin());
    return responder;
  }
  /// The log line of the next exchange that has ended.
  ExchangeRecord next_record() {
    std::unique_lock lock(mutex_);
    wait(lock, [this] { return !records_.empty(); });
    ExchangeRecord record = std::move(records_.front());
    records_.erase(records_.begin());
    return record;
  }
  std::vector<std::string> failures() {
    const std::lock_guard lock(mutex_);
    return failures_;
  }
  /// True once `condition` holds, within ten seconds.
  static bool soon(const std::function<bool()>& condition) {
    for (int i = 0; i < 1000; ++i) {
      if (condition()) {
        return true;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  ServerOptions options;
  Router router;
  std::unique_ptr<Server> server;

 private:
  void wait(std::unique_lock<std::mutex>& lock, const std::function<bool()>& condition) {
    if (!changed_.wait_for(lock, std::chrono::seconds(10), condition)) {
      throw std::runtime_error("nothing came within ten seconds");
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::pair<Request, std::shared_ptr<Responder>>> held_;
  std::vector<ExchangeRecord> records_;
  std::vector<std::string> failures_;
};

}  // namespace levin::serve::http
