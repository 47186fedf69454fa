#include "eval/synth_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/files.h"
#include "eval/inspect_report.h"
#include "model/weights.h"

namespace levin::eval {
namespace {

model::Config config_of(const std::string& name) {
  const std::string path = std::string(LEVIN_TEST_DATA) + "/configs/" + name;
  return model::parse_config(base::read_file(path, 1 << 20), path);
}

std::vector<PlannedTensor> all_tensors(const std::vector<PlannedFile>& files) {
  std::vector<PlannedTensor> tensors;
  for (const PlannedFile& file : files) {
    tensors.insert(tensors.end(), file.tensors.begin(), file.tensors.end());
  }
  return tensors;
}

TEST(SynthPlan, HoldsEveryTensorOfTheModelOnce) {
  const model::Config config = config_of("tiny.json");
  std::multiset<std::string> names;
  for (const PlannedTensor& tensor :
       all_tensors(plan_checkpoint(config, SynthDType::kBf16, 0, 1 << 30))) {
    names.insert(tensor.declaration.name);
  }
  for (const model::ExpectedTensor& expected : model::expected_tensors(config)) {
    EXPECT_EQ(names.count(expected.name), 1U) << expected.name;
  }
  EXPECT_EQ(names.size(), model::expected_tensors(config).size());
}

TEST(SynthPlan, ParameterCountOfTheLargeModelIsTheKnownOne) {
  const model::Config config = config_of("deepseek-v32-685b.json");
  int64_t parameters = 0;
  for (const PlannedTensor& tensor :
       all_tensors(plan_checkpoint(config, SynthDType::kBf16, 0, int64_t{5} << 30))) {
    parameters += tensor.element_count();
  }
  EXPECT_NEAR(static_cast<double>(parameters) * 1e-9, 671.88, 0.01);  // docs/model.md
}

TEST(SynthPlan, KeepsMatrixAndScalesInOneShard) {
  const model::Config config = config_of("tiny.json");
  const auto files = plan_checkpoint(config, SynthDType::kFp8, 0, 200'000);
  ASSERT_GT(files.size(), 1U);
  EXPECT_EQ(files[0].name.substr(0, 15), "model-00001-of-");
  for (const PlannedFile& file : files) {
    const auto is_code = [](const PlannedTensor& tensor) {
      return tensor.kind == PlannedTensor::Kind::kFp8Codes;
    };
    const auto is_scale = [](const PlannedTensor& tensor) {
      return tensor.kind == PlannedTensor::Kind::kBlockScales;
    };
    EXPECT_EQ(std::ranges::count_if(file.tensors, is_code),
              std::ranges::count_if(file.tensors, is_scale));
  }
}

TEST(SynthPlan, EveryTensorBelongsToAComponent) {
  for (const char* name : {"tiny.json", "peer-shape.json"}) {
    const model::Config config = config_of(name);
    for (const PlannedTensor& tensor :
         all_tensors(plan_checkpoint(config, SynthDType::kFp8, 0, 1 << 30))) {
      EXPECT_FALSE(component_of(tensor.declaration.name, config, {}).empty())
          << tensor.declaration.name;
    }
  }
}

TEST(ComponentOf, SortsByPlaceInTheModel) {
  const model::Config config = config_of("tiny.json");
  EXPECT_EQ(component_of("model.layers.1.mlp.experts.3.up_proj.weight", config, {}),
            "routed experts");
  EXPECT_EQ(component_of("model.layers.1.mlp.gate.weight", config, {}), "router");
  EXPECT_EQ(component_of("model.layers.0.mlp.gate_proj.weight", config, {}), "dense MLP");
  EXPECT_EQ(component_of("model.layers.0.self_attn.indexer.wk.weight", config, {}), "indexer");
  EXPECT_EQ(component_of("model.layers.0.self_attn.q_a_layernorm.weight", config, {}), "norms");
  EXPECT_EQ(component_of("something.else", config, {}), "");
}

TEST(ComponentOf, ALayerBehindTheLastIsOneOfMtpIfItIsCountedOrHasTheProjectionOfSuchLayers) {
  model::Config config = config_of("tiny.json");
  const std::string name = "model.layers.2.mlp.gate.weight";
  EXPECT_EQ(component_of(name, config, {}), "") << "no layer of the model";
  EXPECT_EQ(component_of(name, config, {{"model.layers.2.eh_proj.weight", {}}}),
            "MTP layers (not used)");
  config.num_nextn_predict_layers = 1;
  EXPECT_EQ(component_of(name, config, {}), "MTP layers (not used)");
}

}  // namespace
}  // namespace levin::eval
