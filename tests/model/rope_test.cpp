// YaRN's frequencies against values derived by hand from the released configuration
// (docs/model.md).
#include "model/rope.h"

#include <gtest/gtest.h>

#include <cmath>

namespace levin::model {
namespace {

Config yarn_config() {
  Config config;
  config.qk_nope_head_dim = 128;
  config.qk_rope_head_dim = 64;
  config.rope_theta = 10000.0;
  config.rope_scaling = {.is_yarn = true,
                         .factor = 40.0,
                         .beta_fast = 32.0,
                         .beta_slow = 1.0,
                         .mscale = 1.0,
                         .mscale_all_dim = 1.0,
                         .original_max_position_embeddings = 4096};
  return config;
}

TEST(RopeFrequencies, BlendBetweenPairs10And23) {
  const std::vector<float> frequencies = rope_frequencies(yarn_config());
  ASSERT_EQ(frequencies.size(), 32U);
  EXPECT_FLOAT_EQ(frequencies[0], 1.0F);
  EXPECT_NEAR(frequencies[10], 0.0562341, 1e-7);
  EXPECT_NEAR(frequencies[11], 0.0390069, 1e-7);
  EXPECT_NEAR(frequencies[16], 0.0055, 1e-7);
  EXPECT_NEAR(frequencies[22], 1.77828e-4, 1e-9);
  EXPECT_NEAR(frequencies[23], 3.33380e-5, 1e-10);
  EXPECT_NEAR(frequencies[31], 3.33380e-6, 1e-11);
}

TEST(RopeFrequencies, AreThePlainOnesWithoutScaling) {
  Config config = yarn_config();
  config.rope_scaling = {};
  const std::vector<float> frequencies = rope_frequencies(config);
  for (size_t i = 0; i < frequencies.size(); ++i) {
    EXPECT_NEAR(frequencies[i], std::pow(10000.0, -static_cast<double>(2 * i) / 64.0),
                1e-7 * frequencies[i] + 1e-12);
  }
}

TEST(RopeFrequencies, SurviveARampOfNoWidth) {
  Config config = yarn_config();
  config.rope_theta = 50000.0;  // Kimi-K2: beta_fast = beta_slow
  config.rope_scaling.beta_fast = 1.0;
  for (const float frequency : rope_frequencies(config)) {
    EXPECT_TRUE(std::isfinite(frequency));
    EXPECT_GT(frequency, 0.0F);
  }
}

TEST(RopeMagnitude, IsOneForEqualMscalesAndTheirRatioOtherwise) {
  Config config = yarn_config();
  EXPECT_FLOAT_EQ(rope_magnitude(config), 1.0F);
  config.rope_scaling.mscale_all_dim = 0.0;
  EXPECT_NEAR(rope_magnitude(config), 0.1 * std::log(40.0) + 1.0, 1e-6);
}

TEST(SoftmaxScale, HasYarnsMscaleSquared) {
  EXPECT_NEAR(yarn_config().softmax_scale(), 0.1352338, 1e-7);
  Config plain = yarn_config();
  plain.rope_scaling = {};
  EXPECT_NEAR(plain.softmax_scale(), 1.0 / std::sqrt(192.0), 1e-9);
}

TEST(RopeTable, GivesUnitVectorsAtEveryPosition) {
  RopeTable table(yarn_config());
  table.set_positions({0, 1, 131071});
  const kernels::RopeAngles angles = table.angles();
  for (int64_t row = 0; row < 3; ++row) {
    for (int64_t pair = 0; pair < 32; ++pair) {
      const double cos = angles.cos.row(row)[pair];
      const double sin = angles.sin.row(row)[pair];
      EXPECT_NEAR(cos * cos + sin * sin, 1.0, 1e-6);
    }
  }
  EXPECT_FLOAT_EQ(angles.cos.row(0)[5], 1.0F);
  EXPECT_NEAR(angles.sin.row(1)[0], std::sin(1.0), 1e-7);
}

}  // namespace
}  // namespace levin::model
