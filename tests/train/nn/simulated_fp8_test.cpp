// The simulated FP8 kernels against examples made with the arithmetic of the official ones.
#include "train/nn/simulated_fp8.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "golden_case.h"

namespace levin::train::nn {
namespace {

at::Tensor example(const std::string& name) {
  const formats::SafetensorsFile file(testing::golden_folder("fp8-cast.safetensors"));
  return testing::to_tensor(file.at(name));
}

TEST(SimulatedFp8, RoundsEveryFiniteInputToTheValueOfItsReferenceCode) {
  const at::Tensor input = example("input");
  const at::Tensor wanted = example("decode_table").index_select(0, example("e4m3_saturating"));
  const at::Tensor is_finite = at::isfinite(input);
  const at::Tensor found = round_to_e4m3(input);
  EXPECT_TRUE(at::equal(found.masked_select(is_finite), wanted.masked_select(is_finite)));
}

TEST(SimulatedFp8, ActQuantGivesTheReferencesNumbers) {
  EXPECT_TRUE(at::equal(act_quant(example("act_quant.input"), 128, /*is_ue8m0=*/false),
                        example("act_quant.dequant")));
}

TEST(SimulatedFp8, PowerOfTwoScalesGiveTheReferencesCodesTimesItsScales) {
  const at::Tensor values = example("decode_table")
                                .index_select(0, example("act_quant_ue8m0.bytes").flatten())
                                .view({12, 2, 128});
  const at::Tensor wanted = values * example("act_quant_ue8m0.scale").unsqueeze(-1);
  EXPECT_TRUE(
      at::equal(act_quant(example("act_quant.input"), 128, /*is_ue8m0=*/true), wanted.flatten(1)));
}

TEST(SimulatedFp8, HadamardIsItsOwnInverseAndFollowsSylvestersOrder) {
  const at::Tensor x = at::eye(8, at::kDouble);
  const at::Tensor matrix = hadamard(x);
  for (int64_t i = 0; i < 8; ++i) {
    for (int64_t j = 0; j < 8; ++j) {
      const double sign = __builtin_popcountll(static_cast<uint64_t>(i & j)) % 2 == 0 ? 1.0 : -1.0;
      EXPECT_DOUBLE_EQ(matrix[i][j].item<double>(), sign / std::sqrt(8.0)) << i << ", " << j;
    }
  }
  EXPECT_TRUE(at::allclose(hadamard(matrix), x));
}

}  // namespace
}  // namespace levin::train::nn
