// Element types, by their names in safetensors files.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace levin::tensor {

enum class DType {
  kBool,
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kU64,
  kI64,
  kF8E4m3,
  kF8E5m2,
  kF8E8m0,
  kF16,
  kBf16,
  kF32,
  kF64
};

/// Bytes of one element.
[[nodiscard]] int64_t dtype_bytes(DType dtype) noexcept;

/// Name as written in safetensors ("BF16", "F8_E4M3", ...).
[[nodiscard]] std::string_view dtype_name(DType dtype) noexcept;

/// The type of that name, if it is one of these.
[[nodiscard]] std::optional<DType> parse_dtype(std::string_view name) noexcept;

}  // namespace levin::tensor
