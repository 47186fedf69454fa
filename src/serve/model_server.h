// The whole service of one model: HTTP server, API, accounts and page, put together by settings.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "runtime/engine.h"
#include "serve/server_config.h"

namespace levin::serve {

/// The accounts file that the settings mean; empty: none. Throws Error(kNotFound) for a file that
/// is named and not there.
[[nodiscard]] std::string accounts_file(const ServerConfig& config);

/// Listens from the end of the constructor until drain or the destructor, and answers 503 until it
/// has a model.
class ModelServer {
 public:
  /// Throws base::Error: what check_config, the accounts file, the certificate and the address have
  /// to say.
  explicit ModelServer(const ServerConfig& config);
  ~ModelServer();
  ModelServer(const ModelServer&) = delete;
  ModelServer& operator=(const ModelServer&) = delete;

  /// Answers with this model from now on; once. `model_dir` is the engine's. Throws base::Error:
  /// what the tokenizer has to say.
  void serve(std::unique_ptr<runtime::Engine> engine, const std::string& model_dir);

  /// "http://127.0.0.1:8080": where a browser on this machine finds the page.
  [[nodiscard]] std::string url() const;

  /// What a person who starts the server wants to know, in a few lines.
  [[nodiscard]] std::string greeting() const;

  /// Stops accepting, lets running answers end for config.drain_seconds, then ends them. Returns
  /// how many were cut off.
  int64_t drain();

 private:
  /// What requests must bring, in words.
  [[nodiscard]] std::string keys() const;

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace levin::serve
