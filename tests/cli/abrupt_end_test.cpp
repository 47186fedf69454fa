// Ctrl-C, other signals, files that shrink, missing memory: the program ends with one sentence and
// a documented code and leaves nothing half-written behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <thread>

#include "cli/levin_process.h"
#include "formats/temporary_folder.h"

namespace levin::testing {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using ::testing::HasSubstr;

/// A checkpoint of 0.5 GB if it were ever finished.
std::vector<std::string> large_synth(const std::string& out_dir) {
  return {"synth",   test_data("configs/tiny.json"),
          "--out",   out_dir,
          "--dtype", "bf16",
          "--set",   "vocab_size=1000000"};
}

int count_files(const std::string& folder) {
  std::error_code error;
  const fs::directory_iterator entries(folder, error);
  return error ? 0 : static_cast<int>(std::distance(begin(entries), end(entries)));
}

bool wait_until(const std::function<bool()>& condition) {
  for (int i = 0; i < 30000 && !condition(); ++i) {
    std::this_thread::sleep_for(milliseconds(1));
  }
  return condition();
}

TEST(CtrlC, StopsSynthAndRemovesWhatItWrote) {
  const TemporaryFolder folder;
  LevinProcess levin(large_synth(folder.path()));
  ASSERT_TRUE(wait_until([&] { return count_files(folder.path()) > 0; }));
  levin.send(SIGINT);
  EXPECT_EQ(levin.wait().exit_code, 130);
  EXPECT_EQ(count_files(folder.path()), 0);
}

TEST(CtrlC, SecondOneEndsAtOnceAndRemovesTheFilesAllTheSame) {
  const TemporaryFolder folder;
  std::vector<std::string> words = large_synth(folder.path());
  words.insert(words.end(), {"--shard-gb", "0.001"});
  LevinProcess levin(words);
  ASSERT_TRUE(wait_until([&] { return count_files(folder.path()) > 3; }));
  levin.send(SIGINT);
  levin.send(SIGINT);
  EXPECT_EQ(levin.wait().exit_code, 130);
  EXPECT_EQ(count_files(folder.path()), 0);
}

TEST(CtrlC, EndsTheProgramWheneverItComes) {
  for (int delay_ms = 0; delay_ms < 60; delay_ms += 3) {
    LevinProcess levin({"generate", mini_model(), "--prompt", "It is", "--plain", "--ignore-eos",
                        "--max-tokens", "0", "--numerics", "reference", "--weights", "int8"});
    std::this_thread::sleep_for(milliseconds(delay_ms));
    levin.send(SIGINT);
    EXPECT_EQ(levin.wait().exit_code, 130) << "after " << delay_ms << " ms";
  }
}

TEST(Termination, RemovesUnfinishedFilesAndEndsAsEver) {
  const TemporaryFolder folder;
  LevinProcess levin(large_synth(folder.path()));
  ASSERT_TRUE(wait_until([&] { return count_files(folder.path()) > 0; }));
  levin.send(SIGTERM);
  EXPECT_EQ(levin.wait().exit_code, 128 + SIGTERM);
  EXPECT_EQ(count_files(folder.path()), 0);
}

TEST(FullDisk, FileSizeLimitIsAnIoErrorAndLeavesNothing) {
  const TemporaryFolder folder;
  const ProcessResult result =
      run_levin(large_synth(folder.path()), "", {.file_size_bytes = 1 << 20});
  EXPECT_EQ(result.exit_code, 6);
  EXPECT_THAT(result.err, HasSubstr("File too large; nothing was left behind"));
  EXPECT_EQ(count_files(folder.path()), 0);
}

TEST(MappedFile, WeightsCutShortWhileInUseAreAnIoError) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_levin({"synth", test_data("configs/tiny.json"), "--out", folder.path()}).exit_code,
            0);
  LevinProcess levin({"generate", folder.path(), "--tokens", "-", "--ignore-eos", "--max-tokens",
                      "0", "--numerics", "reference"},
                     "1 2 3");
  ASSERT_TRUE(levin.wait_for_output(1));
  fs::resize_file(folder.file("model.safetensors"), 4096);
  const ProcessResult result = levin.wait();
  EXPECT_EQ(result.exit_code, 6);
  EXPECT_EQ(result.err,
            "levin: error: a mapped file became shorter or unreadable while it was in use; "
            "restore the file and start again\n");
}

TEST(Memory, ContextThatFitsNoMachineIsRefusedWithTheBytesItNeeds) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_levin({"synth", test_data("configs/tiny.json"), "--out", folder.path(), "--set",
                       "max_position_embeddings=1073741824"})
                .exit_code,
            0);
  const ProcessResult result =
      run_levin({"generate", folder.path(), "--tokens", "-", "--ctx", "1073741824"}, "1 2 3");
  EXPECT_EQ(result.exit_code, 7);
  EXPECT_THAT(result.err, HasSubstr("a context of 1073741824 tokens needs"));
  EXPECT_THAT(result.err, HasSubstr("tokens fits"));
}

#ifndef LEVIN_SANITIZED  // these need address space
TEST(Memory, LimitOfTheAddressSpaceIsOutOfMemory) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_levin({"synth", test_data("configs/tiny.json"), "--out", folder.path(), "--set",
                       "max_position_embeddings=1000000"})
                .exit_code,
            0);
  for (const int64_t limit_mb : {24, 32, 48, 64}) {
    const ProcessResult result = run_levin(
        {"generate", folder.path(), "--tokens", "-", "--ctx", "1000000", "--max-tokens", "1"},
        "1 2 3", {.address_space_bytes = limit_mb << 20});
    EXPECT_TRUE(result.exit_code == 7 || result.exit_code == 0)
        << limit_mb << " MB: " << result.exit_code << " " << result.err;
  }
}
#endif

}  // namespace
}  // namespace levin::testing
