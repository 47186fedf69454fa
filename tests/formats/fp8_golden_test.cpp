// base/float_formats.h against data/golden/fp8-cast.safetensors: casts and activation quantisation
// as DeepSeek's kernels compute them (data/golden/README.md).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/float_formats.h"
#include "formats/safetensors.h"
#include "formats/tensor_values.h"

namespace levin::formats {
namespace {

using base::E4m3;

constexpr size_t kGroup = 128;

class Fp8GoldenTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::vector<float> floats(const char* name) const {
    return to_f32_values(file_.at(name), name);
  }
  [[nodiscard]] std::vector<int64_t> integers(const char* name) const {
    return to_i64_values(file_.at(name), name);
  }

  /// act_quant of every group of the input, compared with the stored bytes and scales.
  void expect_act_quant(const char* bytes_name, const char* scale_name, bool is_ue8m0) const {
    const std::vector<float> input = floats("act_quant.input");
    const std::vector<int64_t> bytes = integers(bytes_name);
    const std::vector<float> scales = floats(scale_name);
    ASSERT_EQ(scales.size(), input.size() / kGroup);
    for (size_t group = 0; group < scales.size(); ++group) {
      float amax = 0;
      for (size_t i = group * kGroup; i < (group + 1) * kGroup; ++i) {
        amax = std::max(amax, std::fabs(input[i]));
      }
      const float scale = base::act_quant_scale(amax, is_ue8m0);
      ASSERT_EQ(scale, scales[group]) << "group " << group;
      for (size_t i = group * kGroup; i < (group + 1) * kGroup; ++i) {
        ASSERT_EQ(base::to_e4m3(input[i] / scale).bits, bytes[i]) << "element " << i;
      }
    }
  }

  SafetensorsFile file_{std::string(LEVIN_TEST_DATA) + "/golden/fp8-cast.safetensors"};
};

TEST_F(Fp8GoldenTest, DecodesEveryCode) {
  const std::vector<float> table = floats("decode_table");
  ASSERT_EQ(table.size(), 256U);
  for (size_t code = 0; code < table.size(); ++code) {
    const float value = base::to_f32(E4m3{static_cast<uint8_t>(code)});
    EXPECT_TRUE(value == table[code] || (std::isnan(value) && std::isnan(table[code]))) << code;
  }
}

TEST_F(Fp8GoldenTest, EncodesAllInputsSaturating) {
  const std::vector<float> input = floats("input");
  const std::vector<int64_t> codes = integers("e4m3_saturating");
  ASSERT_EQ(input.size(), codes.size());
  for (size_t i = 0; i < input.size(); ++i) {
    const int code = base::to_e4m3(input[i]).bits;
    if (std::isnan(input[i])) {
      EXPECT_EQ(code & 0x7F, 0x7F);
    } else {
      EXPECT_EQ(code, codes[i]) << input[i];
    }
  }
}

TEST_F(Fp8GoldenTest, QuantisesActivationsWithPlainScales) {
  expect_act_quant("act_quant.bytes", "act_quant.scale", false);
}

TEST_F(Fp8GoldenTest, QuantisesActivationsWithPowerOfTwoScales) {
  expect_act_quant("act_quant_ue8m0.bytes", "act_quant_ue8m0.scale", true);
}

TEST_F(Fp8GoldenTest, DequantisesByMultiplication) {
  const std::vector<int64_t> bytes = integers("act_quant.bytes");
  const std::vector<float> scales = floats("act_quant.scale");
  const std::vector<float> expected = floats("act_quant.dequant");
  for (size_t i = 0; i < expected.size(); ++i) {
    const float value = base::to_f32(E4m3{static_cast<uint8_t>(bytes[i])});
    ASSERT_EQ(value * scales[i / kGroup], expected[i]) << i;
  }
}

}  // namespace
}  // namespace levin::formats
