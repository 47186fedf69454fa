// recipes/mini/bars.sh on tables made by hand.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "formats/temporary_folder.h"
#include "train/run/train_process.h"

namespace levin::train::run {
namespace {

using levin::testing::run_program;
using levin::testing::TemporaryFolder;
using levin::testing::TrainResult;
using ::testing::HasSubstr;

/// Cells of the tables; each of these holds its bar.
struct Cells {
  std::string dense = "98.6 [97.9..99.1] %";
  std::string questions = "2000";
  std::string sparse_against_dense = "-0.9 [-1.3..-0.5] pt";
  std::string sparse_against_control = "+0.1 [-0.3..+0.2] pt";
  std::string random_against_dense = "-78.6 [-80.1..-77.0] pt";
  std::string perplexity_against_control = "+0.99 [+0.50..+1.40] %";
  std::string second_perplexity_against_control = "-0.30 [-0.70..+0.10] %";
};

class MiniBars : public ::testing::Test {
 protected:
  TrainResult judge(const Cells& cells) {
    std::ofstream first(folder_.file("first.md"));
    for (const int length : {1024, 2048, 4096, 8192, 16384}) {
      const auto row = [&](const char* rule, const std::string& value, const std::string& dense,
                           const std::string& control) {
        first << fmt::format("| first wording | {} | {} | {} | {} | {} | {} |\n", length, rule,
                             cells.questions, value, dense, control);
      };
      row("dense", cells.dense, "", "+0.0 [-0.2..+0.2] pt");
      row("sparse", "98.6 [97.9..99.0] %", cells.sparse_against_dense,
          cells.sparse_against_control);
      for (const char* rule : {"recency", "strided", "random"}) {
        row(rule, "20.0 [18.9..21.1] %", cells.random_against_dense, "");
      }
    }
    const auto text = [&](const char* name, const std::string& against_control) {
      std::ofstream(folder_.file(name))
          << fmt::format("| perplexity beyond 256 | 8192 | sparse | 9000 | 40.1 | +0.20 % | {} |\n",
                         against_control);
    };
    text("text.md", cells.perplexity_against_control);
    text("second_text.md", cells.second_perplexity_against_control);
    first.close();
    return run_program(LEVIN_SOURCE_DIR "/recipes/mini/bars.sh", {folder_.path()});
  }

  void expect_missed(const Cells& cells, const std::string& bar) {
    const TrainResult judged = judge(cells);
    EXPECT_EQ(judged.exit_code, 1) << judged.err;
    EXPECT_THAT(judged.out, HasSubstr("MISSED " + bar));
  }

  TemporaryFolder folder_;
};

TEST_F(MiniBars, AllHold) {
  const TrainResult judged = judge({});
  EXPECT_EQ(judged.exit_code, 0) << judged.err;
  EXPECT_THAT(judged.out, HasSubstr("39 of 39 bars hold"));
}

TEST_F(MiniBars, EachCanBeMissed) {
  expect_missed({.dense = "94.9 [94.0..95.6] %"}, "dense at 8192 tokens");
  expect_missed({.questions = "1999"}, "questions at 1024 tokens");
  expect_missed({.sparse_against_dense = "-1.1 [-1.5..-0.7] pt"}, "sparse - dense at 1024");
  expect_missed({.sparse_against_control = "-1.1 [?] pt"}, "sparse - mini-dense at 16384");
  expect_missed({.random_against_dense = "-39.9 [?] pt"}, "random - dense at 1024");
  expect_missed({.perplexity_against_control = "+1.20 [?] %"}, "text, perplexity beyond 256");
  expect_missed({.second_perplexity_against_control = "+1.20 [?] %"},
                "second text, perplexity beyond 256");
}

TEST_F(MiniBars, WhatARoundedFigureMayReallyBeMustHoldToo) {
  expect_missed({.dense = "95.0 [94.0..95.8] %"}, "dense at 8192 tokens");
  expect_missed({.sparse_against_dense = "-1.0 [-1.4..-0.6] pt"}, "sparse - dense at 1024");
}

TEST_F(MiniBars, ACellWithoutAFigureHoldsNothing) {
  expect_missed({.sparse_against_control = ""}, "sparse - mini-dense at 1024");
  expect_missed({.perplexity_against_control = ""}, "text, perplexity beyond 256");
}

TEST_F(MiniBars, TablesThatAreNotWholeAreNoProof) {
  EXPECT_EQ(judge({}).exit_code, 0);
  std::ofstream(folder_.file("text.md")) << "";
  const TrainResult judged =
      run_program(LEVIN_SOURCE_DIR "/recipes/mini/bars.sh", {folder_.path()});
  EXPECT_EQ(judged.exit_code, 1);
  EXPECT_THAT(judged.out, HasSubstr("37 bars judged instead of 39"));
}

}  // namespace
}  // namespace levin::train::run
