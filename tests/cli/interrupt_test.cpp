// Ctrl-C stops reading and answering within a second, at any time.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "cli/levin_process.h"
#include "formats/temporary_folder.h"

namespace levin::testing {
namespace {

using std::chrono::milliseconds;

// A machine that is busy with other tests, or one with sanitizers, may be late by much more.
#if defined(NDEBUG) && !defined(LEVIN_SANITIZED)
constexpr auto kBound = milliseconds(1000);
#else
constexpr auto kBound = milliseconds(5000);
#endif
constexpr auto kBoundOfEach = milliseconds(5000);

/// How long the program takes to end after Ctrl-C.
milliseconds time_to_stop(LevinProcess& levin) {
  const auto start = std::chrono::steady_clock::now();
  levin.interrupt();
  EXPECT_EQ(levin.wait().exit_code, 130);
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
}

/// The median holds the bound: others may take the processors for a moment.
void expect_at_once(std::vector<milliseconds> times) {
  std::ranges::sort(times);
  EXPECT_LT(times[times.size() / 2], kBound);
  EXPECT_LT(times.back(), kBoundOfEach);
}

TEST(Interrupt, CtrlCStopsAnAnswer) {
  std::vector<milliseconds> times;
  for (int i = 0; i < 3; ++i) {
    LevinProcess levin({"generate", mini_model(), "--prompt", "It is", "--plain", "--ignore-eos",
                        "--max-tokens", "0", "--numerics", "reference"});
    ASSERT_TRUE(levin.wait_for_output(1));
    times.push_back(time_to_stop(levin));
  }
  expect_at_once(times);
}

TEST(Interrupt, CtrlCStopsReadingInTheMiddleOfAChunk) {
  std::string text;
  for (int i = 0; i < 9; ++i) {
    text += short_document().substr(0, 1000);
  }
  std::vector<milliseconds> times;
  for (int i = 0; i < 3; ++i) {
    LevinProcess levin(
        {"ask", mini_model(), "--file", "-", short_question().question, "--numerics", "reference"},
        text);
    std::this_thread::sleep_for(milliseconds(300));
    times.push_back(time_to_stop(levin));
  }
  expect_at_once(times);
}

/// The demo's model for long documents with a prompt of 128K tokens, sparse and dense.
TEST(InterruptSlow, CtrlCStopsReadingAtAnyTimeOf128K) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_levin({"synth", std::string(LEVIN_SOURCE_DIR) + "/tools/demo/speed_model.json",
                       "--out", folder.path()})
                .exit_code,
            0);
  constexpr int kPromptTokens = 131000;
  std::string ids;
  for (int i = 0; i < kPromptTokens; ++i) {
    ids += std::to_string(2 + i * 37 % 4000) + " ";
  }
  for (const char* attention : {"sparse", "dense"}) {
    std::vector<milliseconds> times;
    for (const int delay_ms : {300, 1000, 3000, 6000, 9000}) {
      LevinProcess levin({"generate", folder.path(), "--tokens", "-", "--attention", attention,
                          "--max-tokens", "0", "--ignore-eos"},
                         ids);
      std::this_thread::sleep_for(milliseconds(delay_ms));
      times.push_back(time_to_stop(levin));
    }
    expect_at_once(times);
  }
}

}  // namespace
}  // namespace levin::testing
