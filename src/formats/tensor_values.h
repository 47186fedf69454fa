// Values of a (small) safetensors tensor as ordinary vectors.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/safetensors.h"

namespace levin::formats {

/// All elements of an F32, BF16, F16, F64 or F8_E4M3 tensor (without any scale) as float32.
/// Throws Error(kInvalidFile) with `where` for another dtype.
std::vector<float> to_f32_values(const SafetensorsTensor& tensor, const std::string& where);

/// All elements of an I64, I32, U8, I8 or BOOL tensor.
/// Throws Error(kInvalidFile) with `where` for another dtype.
std::vector<int64_t> to_i64_values(const SafetensorsTensor& tensor, const std::string& where);

}  // namespace levin::formats
