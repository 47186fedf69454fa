#include "eval/config_overrides.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace levin::eval {
namespace {

using nlohmann::json;

json sample_config() {
  return {{"layers", 4},
          {"factor", 2.5},
          {"name", "x"},
          {"flag", true},
          {"rope", {{"type", "yarn"}, {"factor", 4.0}}},
          {"nothing", nullptr}};
}

json apply(const std::string& assignment) {
  json config = sample_config();
  std::vector<ConfigChange> changes;
  apply_override(config, assignment, changes);
  EXPECT_EQ(changes.size(), 1U);
  return config;
}

TEST(ConfigOverrides, ReplaceValuesOfTheSameType) {
  EXPECT_EQ(apply("layers=2").at("layers"), 2);
  EXPECT_EQ(apply("factor=3").at("factor"), 3);
  EXPECT_EQ(apply("name=deep seek").at("name"), "deep seek");
  EXPECT_EQ(apply("flag=false").at("flag"), false);
  EXPECT_EQ(apply("rope.factor=8").at("rope").at("factor"), 8);
}

TEST(ConfigOverrides, NullReplacesObjectsAndIsReplacedByAnything) {
  EXPECT_TRUE(apply("rope=null").at("rope").is_null());
  EXPECT_EQ(apply("nothing=7").at("nothing"), 7);
}

TEST(ConfigOverrides, RefuseOtherTypesAndUnknownKeys) {
  for (const char* assignment : {"layers=2.5", "layers=x", "flag=1", "name=3", "rope=1", "layer=2",
                                 "rope.beta=1", "layers.x=1", "=1", "layers"}) {
    EXPECT_THROW(apply(assignment), base::Error) << assignment;
  }
}

TEST(ConfigOverrides, WeightsAreDescribedAsTheyWillBeWritten) {
  json config = {{"num_nextn_predict_layers", 1}};
  std::vector<ConfigChange> changes;
  describe_weights(config, SynthDType::kFp8, changes);
  EXPECT_EQ(config.at("quantization_config").at("fmt"), "e4m3");
  EXPECT_EQ(config.at("num_nextn_predict_layers"), 0);
  EXPECT_EQ(changes.size(), 2U);
  describe_weights(config, SynthDType::kBf16, changes);
  EXPECT_FALSE(config.contains("quantization_config"));
  EXPECT_EQ(changes.size(), 3U);
}

}  // namespace
}  // namespace levin::eval
