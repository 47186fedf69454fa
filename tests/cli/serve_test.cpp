// levin serve as a process: it ends when it is told to, whatever it does at the time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <thread>

#include "base/memory_info.h"
#include "cli/levin_process.h"
#include "formats/temporary_folder.h"
#include "model/hollow_checkpoint.h"
#include "serve/http/raw_client.h"
#include "train/optim/free_port.h"

namespace levin::testing {
namespace {

namespace http = serve::http;
using ::testing::HasSubstr;
using ::testing::Not;

/// A server on a port of its own.
struct ServeProcess {
  explicit ServeProcess(const std::string& model_dir, const ProcessOptions& options = {},
                        const std::string& weights = "as-is")
      : levin({"serve", model_dir, "--port", std::to_string(port), "--threads", "1", "--weights",
               weights},
              "", options) {}

  /// Waits until GET /ready has this status; false after 30 seconds.
  [[nodiscard]] bool wait_for_ready(int status) const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (std::chrono::steady_clock::now() < deadline) {
      try {
        http::RawClient client(port);
        client.send(http::get("/ready"));
        if (http::status_of(client.read_response()) == status) {
          return true;
        }
      } catch (const std::runtime_error&) {  // it does not listen yet
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  uint16_t port = free_port();
  LevinProcess levin;
};

/// Asks for 100 tokens; the first of them has come.
void begin_answer(http::RawClient& client) {
  client.send(http::post("/v1/completions", R"({"model":"mini","prompt":"She had been",)"
                                            R"("max_tokens":100,"temperature":0,"stream":true})"));
  ASSERT_THAT(client.read_until("\"choices\""), HasSubstr("\"choices\""));
}

class ServeStops : public ::testing::TestWithParam<int> {};

TEST_P(ServeStops, OnceItsAnswersHaveEnded) {
  ServeProcess server(mini_model());
  ASSERT_TRUE(server.wait_for_ready(200));
  http::RawClient client(server.port);
  ASSERT_NO_FATAL_FAILURE(begin_answer(client));
  server.levin.send(GetParam());
  const std::string rest = client.read_all();
  EXPECT_THAT(rest, HasSubstr("data: [DONE]"));
  EXPECT_THAT(rest, Not(HasSubstr("insufficient_system_resource")));
  const ProcessResult result = server.levin.wait();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("stopped: 0 answers cut off"));
}

TEST(Serve, AClosedTerminalMaySayItTwice) {
  ServeProcess server(mini_model());
  ASSERT_TRUE(server.wait_for_ready(200));
  http::RawClient client(server.port);
  ASSERT_NO_FATAL_FAILURE(begin_answer(client));
  server.levin.send(SIGHUP);
  server.levin.send(SIGHUP);
  EXPECT_THAT(client.read_all(), HasSubstr("data: [DONE]"));
  EXPECT_EQ(server.levin.wait().exit_code, 0);
}

INSTANTIATE_TEST_SUITE_P(OnSignals, ServeStops, ::testing::Values(SIGTERM, SIGINT, SIGHUP));

TEST(Serve, TheCommandLineTurnsOffWhatTheFileTurnsOn) {
  const TemporaryFolder folder;
  const std::string config = folder.file("levin.json");
  std::ofstream(config) << R"({"insecure": true, "host": "0.0.0.0", "port": 0})";
  for (const char* off : {"--no-insecure", "--insecure=false"}) {
    LevinProcess levin({"serve", mini_model(), "--config", config, off});
    const ProcessResult result = levin.wait();
    EXPECT_EQ(result.exit_code, 2) << off;
    EXPECT_THAT(result.err, HasSubstr("--insecure")) << off;
  }
}

/// A checkpoint that takes a second to load with int8 weights. False if the machine lacks memory or
/// disk for it.
[[nodiscard]] bool make_slow_checkpoint(const TemporaryFolder& folder) {
  constexpr int64_t kLayers = 2;
  if (base::available_memory_bytes() < 4 * kLayers * kHollowLayerBytes) {
    return false;
  }
  for (const char* name : {"tokenizer.json", "tokenizer_config.json"}) {
    std::filesystem::create_symlink(mini_model() + "/" + name, folder.file(name));
  }
  nlohmann::json config = wide_config(test_data("configs/tiny.json"), kLayers);
  config["vocab_size"] = 4096;
  return write_hollow_checkpoint(config, folder);
}

TEST(Serve, EndsOnSigtermWhileTheModelLoads) {
  const TemporaryFolder folder;
  if (!make_slow_checkpoint(folder)) {
    GTEST_SKIP() << "too little memory or disk for a checkpoint that loads slowly";
  }
  ServeProcess server(folder.path(), {}, "int8");
  ASSERT_TRUE(server.wait_for_ready(503));
  server.levin.send(SIGTERM);
  EXPECT_EQ(server.levin.wait().exit_code, 128 + SIGTERM);
}

TEST(Serve, EndsOnSigtermWhileTheModelLoadsInAContainer) {
  const TemporaryFolder folder;
  if (!make_slow_checkpoint(folder)) {
    GTEST_SKIP() << "too little memory or disk for a checkpoint that loads slowly";
  }
  ServeProcess server(folder.path(), {.is_first_process = true}, "int8");
  if (!server.levin.has_started()) {
    GTEST_SKIP() << "the system makes no process namespaces for us";
  }
  ASSERT_TRUE(server.wait_for_ready(503));
  server.levin.send(SIGTERM);
  EXPECT_EQ(server.levin.wait().exit_code, 128 + SIGTERM);
}

}  // namespace
}  // namespace levin::testing
