#include "formats/tensor_values.h"

#include <cstring>

#include "base/error.h"
#include "base/float_formats.h"

namespace levin::formats {
namespace {

using tensor::DType;

float widen(float value) noexcept { return value; }
float widen(double value) noexcept { return static_cast<float>(value); }
float widen(base::Bf16 value) noexcept { return base::to_f32(value); }
float widen(base::F16 value) noexcept { return base::to_f32(value); }
float widen(base::E4m3 value) noexcept { return base::to_f32(value); }

/// Copies out unaligned elements, so that conversion reads aligned memory.
template <typename T>
std::vector<T> copy_elements(const SafetensorsTensor& tensor) {
  std::vector<T> elements(tensor.bytes.size() / sizeof(T));
  if (!elements.empty()) {
    std::memcpy(elements.data(), tensor.bytes.data(), elements.size() * sizeof(T));
  }
  return elements;
}

template <typename T>
std::vector<float> widen_all(const SafetensorsTensor& tensor) {
  std::vector<float> values;
  values.reserve(tensor.bytes.size() / sizeof(T));
  for (const T element : copy_elements<T>(tensor)) {
    values.push_back(widen(element));
  }
  return values;
}

template <typename T>
std::vector<int64_t> integers(const SafetensorsTensor& tensor) {
  const std::vector<T> elements = copy_elements<T>(tensor);
  return {elements.begin(), elements.end()};
}

[[noreturn]] void throw_dtype(const SafetensorsTensor& tensor, const std::string& where,
                              const char* wanted) {
  base::throw_error(base::ErrorCode::kInvalidFile, where, "dtype is {}, expected {}",
                    tensor.dtype_name, wanted);
}

}  // namespace

std::vector<float> to_f32_values(const SafetensorsTensor& tensor, const std::string& where) {
  if (tensor.dtype == DType::kF32) {
    return widen_all<float>(tensor);
  }
  if (tensor.dtype == DType::kBf16) {
    return widen_all<base::Bf16>(tensor);
  }
  if (tensor.dtype == DType::kF16) {
    return widen_all<base::F16>(tensor);
  }
  if (tensor.dtype == DType::kF64) {
    return widen_all<double>(tensor);
  }
  if (tensor.dtype == DType::kF8E4m3) {
    return widen_all<base::E4m3>(tensor);
  }
  throw_dtype(tensor, where, "F32, BF16, F16, F64 or F8_E4M3");
}

std::vector<int64_t> to_i64_values(const SafetensorsTensor& tensor, const std::string& where) {
  if (tensor.dtype == DType::kI64) {
    return integers<int64_t>(tensor);
  }
  if (tensor.dtype == DType::kI32) {
    return integers<int32_t>(tensor);
  }
  if (tensor.dtype == DType::kU8 || tensor.dtype == DType::kBool) {
    return integers<uint8_t>(tensor);
  }
  if (tensor.dtype == DType::kI8) {
    return integers<int8_t>(tensor);
  }
  throw_dtype(tensor, where, "I64, I32, U8, I8 or BOOL");
}

}  // namespace levin::formats
