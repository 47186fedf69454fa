// What the trainer's bar says.
#include "train/run/progress.h"

#include <gtest/gtest.h>

#include "base/status_line.h"

namespace levin::train::run {
namespace {

StepMetrics step_of_a_sparse_stage() {
  StepMetrics metrics;
  metrics.stage_step = 120;
  metrics.text_loss = 4.8123;
  metrics.answer_loss = 1.5;
  metrics.value_accuracy_mean = 0.9126;
  metrics.layer_kl = {0.25, 0.75};
  metrics.tokens_per_s = 3120.4;
  return metrics;
}

TEST(DescribeStep, NamesStepTimeLossesAndSpeed) {
  EXPECT_EQ(describe_step(step_of_a_sparse_stage(), 400, 130.0),
            "120/400, 2m 10s left, text 4.812, answer 1.500, value 0.913, KL 0.500 a layer, "
            "3120 tokens/s");
}

TEST(DescribeStep, LeavesOutWhatAStageDoesNotHave) {
  StepMetrics warmup;
  warmup.stage_step = 1;
  warmup.layer_kl = {0.5};
  warmup.tokens_per_s = 99.6;
  EXPECT_EQ(describe_step(warmup, 40, -1.0), "1/40, KL 0.500 a layer, 100 tokens/s")
      << "the time is not known after the first step";
}

TEST(DescribeStep, KeepsStepAndTimeInANarrowWindow) {
  const std::string line =
      "sparse S [=======             ] " + describe_step(step_of_a_sparse_stage(), 400, 130.0);
  EXPECT_EQ(base::cut_to_columns(line, 79),
            "sparse S [=======             ] 120/400, 2m 10s left, text 4.812, answer 1.500,");
}

}  // namespace
}  // namespace levin::train::run
