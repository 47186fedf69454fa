#include "tensor/dtype.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace levin::tensor {
namespace {

TEST(DTypeTest, NamesAndSizesAreThoseOfSafetensors) {
  const std::vector<std::pair<std::string_view, int64_t>> sizes = {
      {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"F8_E8M0", 1},
      {"U16", 2},  {"I16", 2}, {"F16", 2}, {"BF16", 2},    {"U32", 4},     {"I32", 4},
      {"F32", 4},  {"U64", 8}, {"I64", 8}, {"F64", 8}};
  for (const auto& [name, bytes] : sizes) {
    const auto dtype = parse_dtype(name);
    ASSERT_TRUE(dtype) << name;
    EXPECT_EQ(dtype_name(*dtype), name);
    EXPECT_EQ(dtype_bytes(*dtype), bytes) << name;
  }
}

TEST(DTypeTest, OtherNamesAreUnknown) {
  for (const char* name : {"C64", "F4", "F6_E2M3", "F6_E3M2", "f32", "", "BF16 "}) {
    EXPECT_FALSE(parse_dtype(name)) << name;
  }
}

}  // namespace
}  // namespace levin::tensor
