// Norm, clipping, missing and non-finite gradients, and the schedule.
#include "train/optim/gradients.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"
#include "train/optim/schedule.h"

namespace levin::train::optim {
namespace {

Parameter with_gradient(const std::string& name, const at::Tensor& gradient) {
  Parameter parameter{name, at::zeros(gradient.sizes()).set_requires_grad(true)};
  parameter.tensor.mutable_grad() = gradient;
  return parameter;
}

TEST(Gradients, ClipToTheNormOfAllTogether) {
  const std::vector<Parameter> parameters = {with_gradient("a", at::full({1, 1}, 3.0F)),
                                             with_gradient("b", at::full({1}, 4.0F)),
                                             {"c", at::zeros({2}).set_requires_grad(true)}};
  EXPECT_DOUBLE_EQ(clip_gradients(parameters, 10), 5);
  EXPECT_FLOAT_EQ(parameters[0].tensor.grad().item<float>(), 3);
  EXPECT_DOUBLE_EQ(clip_gradients(parameters, 1), 5);
  EXPECT_FLOAT_EQ(parameters[0].tensor.grad().item<float>(), 0.6F);
  EXPECT_FLOAT_EQ(parameters[1].tensor.grad().item<float>(), 0.8F);
}

TEST(Gradients, NameTheFirstThatIsNotFinite) {
  std::vector<Parameter> parameters = {with_gradient("a", at::ones({2})),
                                       with_gradient("b", at::ones({2}))};
  EXPECT_FALSE(first_non_finite_gradient(parameters).has_value());
  parameters[1].tensor.mutable_grad()[1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(first_non_finite_gradient(parameters), "b");
  EXPECT_TRUE(std::isnan(clip_gradients(parameters, 1)));
  EXPECT_FLOAT_EQ(parameters[0].tensor.grad()[0].item<float>(), 1);
}

TEST(Gradients, ThatAreMissingBecomeZerosWhereTheyAreWanted) {
  const std::vector<Parameter> parameters = {with_gradient("a", at::ones({2})),
                                             {"b", at::ones({3}).set_requires_grad(true)},
                                             {"frozen", at::ones({3})}};
  fill_missing_gradients(parameters);
  EXPECT_TRUE(at::equal(parameters[0].tensor.grad(), at::ones({2})));
  EXPECT_TRUE(at::equal(parameters[1].tensor.grad(), at::zeros({3})));
  EXPECT_FALSE(parameters[2].tensor.grad().defined());
  clear_gradients(parameters);
  EXPECT_FALSE(parameters[0].tensor.grad().defined());
}

TEST(Schedule, WarmsUpHoldsAndDecays) {
  const Schedule schedule{
      .steps = 100, .warmup_steps = 4, .decay = Decay::kLinear, .decay_share = 0.5, .floor = 0.2};
  EXPECT_DOUBLE_EQ(schedule_factor(schedule, 0), 0.25);
  EXPECT_DOUBLE_EQ(schedule_factor(schedule, 3), 1);
  EXPECT_DOUBLE_EQ(schedule_factor(schedule, 50), 1);
  EXPECT_DOUBLE_EQ(schedule_factor(schedule, 75), 0.6);
  EXPECT_DOUBLE_EQ(schedule_factor(schedule, 100), 0.2);
  EXPECT_DOUBLE_EQ(schedule_factor(schedule, 1000), 0.2);
}

TEST(Schedule, CosineStartsAndEndsFlat) {
  const Schedule schedule{.steps = 100, .decay = Decay::kCosine, .decay_share = 1, .floor = 0.1};
  EXPECT_DOUBLE_EQ(schedule_factor(schedule, 0), 1);
  EXPECT_NEAR(schedule_factor(schedule, 50), 0.55, 1e-12);
  EXPECT_GT(schedule_factor(schedule, 10), 0.97);
  EXPECT_NEAR(schedule_factor(schedule, 100), 0.1, 1e-12);
}

TEST(Schedule, IsConstantByDefault) {
  EXPECT_DOUBLE_EQ(schedule_factor({.steps = 10}, 0), 1);
  EXPECT_DOUBLE_EQ(schedule_factor({.steps = 10}, 9), 1);
}

TEST(Schedule, RejectsSharesOutsideZeroToOne) {
  EXPECT_THROW((void)schedule_factor({.steps = 10, .decay_share = 1.5}, 0), base::Error);
  EXPECT_THROW((void)schedule_factor({.steps = 0}, 0), base::Error);
}

}  // namespace
}  // namespace levin::train::optim
