// The API of one model: its routes, its engine and what they share.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/engine.h"
#include "serve/accounts/accounts.h"
#include "serve/api/engine_host.h"
#include "serve/api/reply.h"
#include "serve/http/router.h"

namespace levin::serve::api {

struct ServiceOptions {
  std::string model_dir;   ///< of the engine; tokenizer and chat template are read from there
  std::string model_name;  ///< in /models; empty: the folder's name
  EngineHostOptions host;
  accounts::Prices prices;  ///< for the meter of answers; the accounts have their own
  std::vector<std::string> api_keys = {};  ///< without accounts: requests need one of these
  std::function<ConnectionCounts()> connections = {};  ///< for metrics; empty: not told
  /// For the log; called on a thread of the service.
  std::function<void(const AnswerRecord&)> on_answer = {};
  std::chrono::milliseconds max_lag{60'000};  ///< a client that lags is cut off after that
};

class Service {
 public:
  /// `accounts` null: nobody is charged, and requests need one of options.api_keys, if there are
  /// any; else it outlives the service. Throws base::Error for a folder without a tokenizer.
  Service(std::unique_ptr<runtime::Engine> engine, const ServiceOptions& options,
          accounts::Accounts* accounts);
  /// Ends the answers that still run. The server has stopped calling handlers before.
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  /// Adds every endpoint of docs/api.md. The router must not outlive the service.
  void add_routes(http::Router& router);

  /// Refuses new requests (503) and waits for the running ones; cancels what is left after
  /// `patience` and returns how many these were.
  int64_t drain(std::chrono::milliseconds patience);

  /// Counts a request that was refused before it reached a handler. Any thread.
  void count_refusal(int status);

  [[nodiscard]] EngineHostStats stats() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace levin::serve::api
