// A service over a small model, asked through its routes as the HTTP server would.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/mini_model.h"
#include "recording_responder.h"
#include "serve/accounts/accounts.h"
#include "serve/api/service.h"
#include "serve/http/router.h"

namespace levin::serve::api::testing {

using levin::testing::mini_model;
using nlohmann::json;
using ResponderPtr = std::shared_ptr<RecordingResponder>;

/// A folder with the weights of models/mini and its tokenizer without the markup of thinking, tools
/// and gaps.
const std::string& unmarked_folder();
/// models/mini with the encoding of V3.2, whose tool results are followed by thinking.
std::string dsml_folder();

/// The same without the markers of users and assistants: its chats are plain text.
const std::string& markerless_folder();

struct ServiceFixtureOptions {
  std::string model_dir = mini_model();
  int64_t context_tokens = 1024;
  int64_t cache_tokens = 16384;  ///< of all sequences together
  EngineHostOptions host = {.max_waiting = 64};
  accounts::Accounts* accounts = nullptr;
  std::vector<std::string> api_keys = {};
  model::AttentionMode attention = model::AttentionMode::kAuto;
  std::function<ConnectionCounts()> connections = {};
};

class ServiceFixture {
 public:
  explicit ServiceFixture(const ServiceFixtureOptions& options = {});

  Service& service() { return *service_; }
  http::Router& router() { return router_; }
  /// Whether requests come from this machine; they do at first.
  void set_loopback(bool is_loopback) { is_loopback_ = is_loopback; }

  /// Calls the handler and does not wait for the answer.
  ResponderPtr start(const std::string& method, const std::string& path, const std::string& body,
                     const http::Headers& headers = {});
  /// The same for a client that does not read yet: its request waits in the queue.
  ResponderPtr start_unread(const std::string& path, const json& body,
                            const http::Headers& headers = {});
  /// Waits for the whole answer.
  ResponderPtr ask(const std::string& method, const std::string& path, const std::string& body,
                   const http::Headers& headers = {});
  ResponderPtr post(const std::string& path, const json& body) {
    return ask("POST", path, body.dump());
  }

 private:
  void hand_over(const std::string& method, const std::string& path, const std::string& body,
                 const http::Headers& headers, const ResponderPtr& responder);

  std::unique_ptr<Service> service_;
  http::Router router_;
  bool is_loopback_ = true;
  int requests_ = 0;
};

/// A chat about a document with two facts; greedy, and mini knows the answer.
json chat_body();
/// The same, streamed, with an answer that cannot end before its `max_tokens`.
json long_chat_body(int64_t max_tokens);
/// What mini answers to chat_body().
inline constexpr const char* kAnswer = "The city of Zoe is saints.";

}  // namespace levin::serve::api::testing
