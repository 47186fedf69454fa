// Number formats against their definitions, exhaustively where the format is small enough. The
// comparison with DeepSeek's own casts is in tests/formats/fp8_golden_test.cpp.
#include "base/float_formats.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace levin::base {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(E4m3Test, EveryCodeHasTheValueOfTheSpecification) {
  for (int code = 0; code < 256; ++code) {
    const float value = to_f32(E4m3{static_cast<uint8_t>(code)});
    const int exponent = (code >> 3) & 15;
    const int mantissa = code & 7;
    if (exponent == 15 && mantissa == 7) {
      EXPECT_TRUE(std::isnan(value)) << code;
      continue;
    }
    const double magnitude = exponent > 0 ? std::ldexp(1.0 + mantissa / 8.0, exponent - 7)
                                          : std::ldexp(mantissa / 8.0, -6);
    EXPECT_EQ(std::fabs(value), magnitude) << code;
    EXPECT_EQ(std::signbit(value), code >= 128) << code;
  }
}

TEST(E4m3Test, EveryFiniteCodeRoundTrips) {
  for (int code = 0; code < 256; ++code) {
    if ((code & 0x7F) != 0x7F) {
      EXPECT_EQ(to_e4m3(to_f32(E4m3{static_cast<uint8_t>(code)})).bits, code);
    }
  }
}

TEST(E4m3Test, RoundsToNearestEvenBetweenAllNeighbours) {
  for (uint8_t code = 0; code < 0x7E; ++code) {
    const float low = to_f32(E4m3{code});
    const float high = to_f32(E4m3{static_cast<uint8_t>(code + 1)});
    const float middle = (low + high) / 2;
    const auto even = static_cast<uint8_t>(code % 2 == 0 ? code : code + 1);
    EXPECT_EQ(to_e4m3(middle).bits, even) << middle;
    EXPECT_EQ(to_e4m3(std::nextafter(middle, 0.0F)).bits, code) << middle;
    EXPECT_EQ(to_e4m3(std::nextafter(middle, kInfinity)).bits, code + 1) << middle;
    EXPECT_EQ(to_e4m3(-middle).bits, even | 0x80) << middle;
  }
}

TEST(E4m3Test, SaturatesBeyondTheLargestValueAndKeepsNan) {
  EXPECT_EQ(to_e4m3(448.0F).bits, 0x7E);
  EXPECT_EQ(to_e4m3(465.0F).bits, 0x7E);
  EXPECT_EQ(to_e4m3(kInfinity).bits, 0x7E);
  EXPECT_EQ(to_e4m3(-kInfinity).bits, 0xFE);
  EXPECT_EQ(to_e4m3(std::numeric_limits<float>::quiet_NaN()).bits & 0x7F, 0x7F);
  EXPECT_EQ(to_e4m3(-0.0F).bits, 0x80);
}

TEST(Bf16Test, EveryCodeRoundTrips) {
  for (uint32_t code = 0; code < 0x10000; ++code) {
    const float value = to_f32(Bf16{static_cast<uint16_t>(code)});
    const uint16_t back = to_bf16(value).bits;
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(to_f32(Bf16{back}))) << code;
    } else {
      EXPECT_EQ(back, code);
    }
  }
}

TEST(Bf16Test, RoundsToNearestEven) {
  EXPECT_EQ(to_bf16(std::bit_cast<float>(0x3F808000U)).bits, 0x3F80);  // a tie, even below
  EXPECT_EQ(to_bf16(std::bit_cast<float>(0x3F818000U)).bits, 0x3F82);  // a tie, even above
  EXPECT_EQ(to_bf16(std::bit_cast<float>(0x3F808001U)).bits, 0x3F81);
  EXPECT_EQ(to_bf16(std::numeric_limits<float>::max()).bits, 0x7F80);  // rounds to infinity
}

TEST(F16Test, EveryCodeRoundTripsAndHasTheValueOfTheStandard) {
  for (uint32_t code = 0; code < 0x10000; ++code) {
    const float value = to_f32(F16{static_cast<uint16_t>(code)});
    const int exponent = static_cast<int>(code >> 10) & 31;
    const int mantissa = static_cast<int>(code & 1023);
    const uint16_t back = to_f16(value).bits;
    if (exponent == 31 && mantissa != 0) {
      EXPECT_TRUE(std::isnan(value)) << code;
      EXPECT_TRUE(std::isnan(to_f32(F16{back}))) << code;
      continue;
    }
    double magnitude = exponent > 0 ? std::ldexp(1.0 + mantissa / 1024.0, exponent - 15)
                                    : std::ldexp(mantissa / 1024.0, -14);
    if (exponent == 31) {
      magnitude = kInfinity;
    }
    EXPECT_EQ(std::fabs(value), magnitude) << code;
    EXPECT_EQ(back, code);
  }
}

TEST(F16Test, RoundsToNearestEvenBetweenAllNeighbours) {
  for (uint16_t code = 0; code < 0x7BFF; ++code) {
    const float low = to_f32(F16{code});
    const float high = to_f32(F16{static_cast<uint16_t>(code + 1)});
    const float middle = (low + high) / 2;
    const auto even = static_cast<uint16_t>(code % 2 == 0 ? code : code + 1);
    ASSERT_EQ(to_f16(middle).bits, even) << middle;
    ASSERT_EQ(to_f16(std::nextafter(middle, 0.0F)).bits, code) << middle;
    ASSERT_EQ(to_f16(std::nextafter(middle, kInfinity)).bits, code + 1) << middle;
  }
  EXPECT_EQ(to_f16(65519.0F).bits, 0x7BFF);
  EXPECT_EQ(to_f16(65520.0F).bits, 0x7C00);
}

TEST(ActQuantScaleTest, IsAmaxOver448WithAFloor) {
  EXPECT_EQ(act_quant_scale(448.0F, false), 448.0F * (1.0F / 448.0F));
  EXPECT_EQ(act_quant_scale(0.0F, false), 1e-4F * (1.0F / 448.0F));
  EXPECT_EQ(act_quant_scale(1e-5F, false), act_quant_scale(1e-4F, false));
}

TEST(ActQuantScaleTest, RoundsUpToPowersOfTwoOnRequest) {
  for (float amax = 1e-4F; amax < 1e6F; amax *= 1.37F) {
    const float plain = act_quant_scale(amax, false);
    const float rounded = act_quant_scale(amax, true);
    EXPECT_TRUE(is_power_of_two(rounded)) << amax;
    EXPECT_GE(rounded, plain) << amax;
    EXPECT_LT(rounded, 2 * plain) << amax;
  }
  const float exact = std::bit_cast<float>(0x3A800000U);  // 2^-10 stays as it is
  EXPECT_EQ(act_quant_scale(exact * 448.0F, true), exact);
}

TEST(IsPowerOfTwoTest, AcceptsOnlyFinitePositivePowers) {
  EXPECT_TRUE(is_power_of_two(1.0F));
  EXPECT_TRUE(is_power_of_two(0x1p-126F));
  EXPECT_TRUE(is_power_of_two(0x1p127F));
  EXPECT_FALSE(is_power_of_two(0.0F));
  EXPECT_FALSE(is_power_of_two(3.0F));
  EXPECT_FALSE(is_power_of_two(-2.0F));
  EXPECT_FALSE(is_power_of_two(kInfinity));
  EXPECT_FALSE(is_power_of_two(std::numeric_limits<float>::quiet_NaN()));
}

}  // namespace
}  // namespace levin::base
