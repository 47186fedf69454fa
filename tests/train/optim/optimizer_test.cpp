// AdamW and Muon against literal formulas, their state, and who moves what.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "train/optim/adamw.h"
#include "train/optim/muon.h"
#include "train/optim/parameter_groups.h"

namespace levin::train::optim {
namespace {

Parameter make_parameter(const std::string& name, const std::vector<int64_t>& sizes,
                         at::ScalarType dtype = at::kDouble) {
  Parameter parameter{name, at::randn(sizes, at::TensorOptions(dtype))};
  parameter.tensor.set_requires_grad(true);
  return parameter;
}

void set_random_gradients(const std::vector<Parameter>& parameters) {
  for (const Parameter& parameter : parameters) {
    parameter.tensor.mutable_grad() =
        at::randn(parameter.tensor.sizes(), parameter.tensor.options().requires_grad(false));
  }
}

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

TEST(AdamW, EqualsTheLiteralFormula) {
  at::manual_seed(1);
  const std::vector<Parameter> parameters = {make_parameter("a", {3, 2})};
  const at::Tensor& value = parameters[0].tensor;
  AdamW adamw(parameters,
              {.lr = 0.1, .beta1 = 0.8, .beta2 = 0.9, .eps = 1e-3, .weight_decay = 0.5});
  at::Tensor wanted = value.detach().clone();
  at::Tensor mean = at::zeros_like(wanted);
  at::Tensor square = at::zeros_like(wanted);
  for (int step = 1; step <= 3; ++step) {
    set_random_gradients(parameters);
    const at::Tensor gradient = value.grad();
    mean = 0.8 * mean + 0.2 * gradient;
    square = 0.9 * square + 0.1 * gradient * gradient;
    const at::Tensor direction =
        mean / (1 - std::pow(0.8, step)) / ((square / (1 - std::pow(0.9, step))).sqrt() + 1e-3);
    wanted = wanted * (1 - 0.05 * 0.5) - 0.05 * direction;
    adamw.step(0.5);
    EXPECT_LT(largest_difference(value.detach(), wanted), 1e-14);
  }
}

// U VT of G = U S VT is what the Newton-Schulz steps approach; here the iteration itself, one
// matrix at a time and in plain products.
at::Tensor literal_direction(const at::Tensor& matrix) {
  at::Tensor x = matrix.size(0) > matrix.size(1) ? matrix.t() : matrix;
  x = x / (x.square().sum().sqrt() + 1e-7);
  for (int step = 0; step < 5; ++step) {
    const at::Tensor a = x.mm(x.t());
    x = 3.4445 * x + (-4.7750 * a + 2.0315 * a.mm(a)).mm(x);
  }
  return matrix.size(0) > matrix.size(1) ? x.t() : x;
}

TEST(Muon, EqualsTheLiteralFormulaOnEveryMatrixAlone) {
  at::manual_seed(2);
  const std::vector<Parameter> parameters = {
      make_parameter("a", {6, 4}), make_parameter("b", {4, 6}), make_parameter("c", {6, 4}),
      make_parameter("d", {5, 5})};
  Muon muon(parameters, {.lr = 0.1, .momentum = 0.9, .weight_decay = 0.5});
  std::vector<at::Tensor> wanted;
  std::vector<at::Tensor> momentum;
  for (const Parameter& parameter : parameters) {
    wanted.push_back(parameter.tensor.detach().clone());
    momentum.push_back(at::zeros_like(wanted.back()));
  }
  for (int step = 0; step < 3; ++step) {
    set_random_gradients(parameters);
    for (size_t i = 0; i < parameters.size(); ++i) {
      const at::Tensor gradient = parameters[i].tensor.grad();
      momentum[i] = 0.9 * momentum[i] + gradient;
      const double scale = std::sqrt(std::max(
          1.0, static_cast<double>(gradient.size(0)) / static_cast<double>(gradient.size(1))));
      wanted[i] = wanted[i] * (1 - 0.05 * 0.5) -
                  0.05 * scale * literal_direction(gradient + 0.9 * momentum[i]);
    }
    muon.step(0.5);
    for (size_t i = 0; i < parameters.size(); ++i) {
      EXPECT_LT(largest_difference(parameters[i].tensor.detach(), wanted[i]), 1e-13);
    }
  }
}

TEST(Muon, BringsSingularValuesNearOne) {
  at::manual_seed(3);
  const at::Tensor made = orthogonalize(at::randn({2, 24, 40}, at::kDouble));
  // Singular values squared: 0.7^2 .. 1.2^2 is where these coefficients leave them.
  const at::Tensor gram = at::bmm(made, made.transpose(1, 2));
  EXPECT_NEAR(gram.diagonal(0, 1, 2).mean().item<double>(), 0.9, 0.25);
}

TEST(Muon, RejectsWhatIsNoMatrix) {
  EXPECT_THROW(Muon({make_parameter("norm", {4})}, {}), base::Error);
}

template <typename Optimizer, typename Options>
void expect_exact_resume(const Options& options) {
  at::manual_seed(4);
  const std::vector<Parameter> through = {make_parameter("a", {5, 3}, at::kFloat),
                                          make_parameter("b", {3, 5}, at::kFloat)};
  Optimizer first(through, options);
  set_random_gradients(through);
  first.step(1);

  State state;
  first.save(state);
  for (auto& entry : state) entry.second = entry.second.clone();
  std::vector<Parameter> resumed;
  for (const Parameter& parameter : through) {
    resumed.push_back({parameter.name, parameter.tensor.detach().clone().set_requires_grad(true)});
  }
  Optimizer second(resumed, options);
  second.load(state);
  for (int step = 0; step < 3; ++step) {
    set_random_gradients(through);
    for (size_t i = 0; i < through.size(); ++i) {
      resumed[i].tensor.mutable_grad() = through[i].tensor.grad().clone();
    }
    first.step(0.5);
    second.step(0.5);
  }
  for (size_t i = 0; i < through.size(); ++i) {
    EXPECT_TRUE(at::equal(through[i].tensor, resumed[i].tensor));
  }
}

TEST(OptimizerState, ResumesBitForBit) {
  expect_exact_resume<AdamW>(AdamWOptions{.weight_decay = 0.1});
  expect_exact_resume<Muon>(MuonOptions{});
}

TEST(OptimizerState, NamesWhatIsMissingOrOfAnotherShape) {
  AdamW adamw({make_parameter("layer.weight", {2, 3})}, {});
  try {
    adamw.load({});
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.where(), "layer.weight.exp_avg");
    EXPECT_EQ(error.code(), base::ErrorCode::kNotFound);
  }
  State state = {{"layer.weight.exp_avg", at::zeros({3, 2}, at::kDouble)}};
  EXPECT_THROW(adamw.load(state), base::Error);
}

TEST(OptimizerState, LeavesParametersWithoutAGradientAlone) {
  const std::vector<Parameter> parameters = {make_parameter("a", {2, 2}),
                                             make_parameter("b", {2, 2})};
  const at::Tensor before = parameters[1].tensor.detach().clone();
  parameters[0].tensor.mutable_grad() = at::ones({2, 2}, at::kDouble);
  Muon(parameters, {}).step(1);
  AdamW(parameters, {.weight_decay = 1}).step(1);
  EXPECT_TRUE(at::equal(parameters[1].tensor, before));
}

TEST(ParameterGroups, FollowTheOfficialNames) {
  const auto group = [](const std::string& name, const std::vector<int64_t>& sizes) {
    return group_of(make_parameter(name, sizes));
  };
  EXPECT_EQ(group("model.embed_tokens.weight", {8, 4}), Group::kRest);
  EXPECT_EQ(group("lm_head.weight", {8, 4}), Group::kRest);
  EXPECT_EQ(group("model.norm.weight", {4}), Group::kRest);
  EXPECT_EQ(group("model.layers.1.mlp.gate.weight", {8, 4}), Group::kRest);
  EXPECT_EQ(group("model.layers.0.mlp.gate_proj.weight", {8, 4}), Group::kHidden);
  EXPECT_EQ(group("model.layers.1.mlp.experts.3.down_proj.weight", {4, 8}), Group::kHidden);
  EXPECT_EQ(group("model.layers.1.self_attn.kv_b_proj.weight", {4, 8}), Group::kHidden);
  EXPECT_EQ(group("model.layers.1.self_attn.q_a_layernorm.weight", {4}), Group::kRest);
  EXPECT_EQ(group("model.layers.1.self_attn.indexer.wk.weight", {4, 8}), Group::kIndexer);
  EXPECT_EQ(group("model.layers.1.self_attn.indexer.k_norm.bias", {4}), Group::kIndexer);
}

TEST(ParameterGroups, LeaveFrozenParametersOut) {
  Parameter frozen = make_parameter("lm_head.weight", {2, 2});
  frozen.tensor.set_requires_grad(false);
  EXPECT_TRUE(members_of({frozen}, Group::kRest).empty());
}

}  // namespace
}  // namespace levin::train::optim
