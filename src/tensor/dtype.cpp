#include "tensor/dtype.h"

#include <array>

namespace levin::tensor {
namespace {

struct Row {
  DType dtype;
  std::string_view name;
  int64_t bytes;
};

constexpr std::array<Row, 16> kRows{{{DType::kBool, "BOOL", 1},
                                     {DType::kU8, "U8", 1},
                                     {DType::kI8, "I8", 1},
                                     {DType::kU16, "U16", 2},
                                     {DType::kI16, "I16", 2},
                                     {DType::kU32, "U32", 4},
                                     {DType::kI32, "I32", 4},
                                     {DType::kU64, "U64", 8},
                                     {DType::kI64, "I64", 8},
                                     {DType::kF8E4m3, "F8_E4M3", 1},
                                     {DType::kF8E5m2, "F8_E5M2", 1},
                                     {DType::kF8E8m0, "F8_E8M0", 1},
                                     {DType::kF16, "F16", 2},
                                     {DType::kBf16, "BF16", 2},
                                     {DType::kF32, "F32", 4},
                                     {DType::kF64, "F64", 8}}};

const Row& row_of(DType dtype) noexcept { return kRows[static_cast<size_t>(dtype)]; }

}  // namespace

int64_t dtype_bytes(DType dtype) noexcept { return row_of(dtype).bytes; }

std::string_view dtype_name(DType dtype) noexcept { return row_of(dtype).name; }

std::optional<DType> parse_dtype(std::string_view name) noexcept {
  for (const Row& row : kRows) {
    if (row.name == name) {
      return row.dtype;
    }
  }
  return std::nullopt;
}

}  // namespace levin::tensor
