// The first ten losses that lie beside a recipe: what a change that should not alter numbers must
// not alter.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "train/run/metrics.h"

namespace levin::train::run {

/// Rounding differs from machine to machine and grows with the steps.
inline constexpr double kLossTolerance = 2e-3;

/// `path` in recipes/.
inline void expect_first_losses(const std::vector<StepMetrics>& steps, const std::string& path) {
  std::ifstream file(std::string(LEVIN_SOURCE_DIR) + "/recipes/" + path);
  size_t step_idx = 0;
  for (std::string line; std::getline(file, line); ++step_idx) {
    const auto expected = nlohmann::json::parse(line);
    const StepMetrics& step = steps.at(step_idx);
    EXPECT_EQ(step.step, expected.at("step"));
    EXPECT_NEAR(step.text_loss.value(), expected.at("text_loss").get<double>(), kLossTolerance);
    EXPECT_NEAR(step.answer_loss.value(), expected.at("answer_loss").get<double>(), kLossTolerance);
  }
  EXPECT_EQ(step_idx, 10U);
}

}  // namespace levin::train::run
