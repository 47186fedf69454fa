// safetensors files, read through a memory map.
// Source: the published format description; rules in checkpoint.md 2.5 (docs/model.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "tensor/dtype.h"

namespace levin::formats {

/// Largest header that is read; the limit of the format's reference reader.
inline constexpr int64_t kMaxSafetensorsHeaderBytes = 100'000'000;

/// One tensor of a file: row-major, little-endian, starting at any address.
struct SafetensorsTensor {
  std::string dtype_name;              ///< as written in the file, fit for a message
  std::optional<tensor::DType> dtype;  ///< empty: a type unknown to this program
  std::vector<int64_t> shape;          ///< [] for a scalar; any extent may be 0
  std::span<const std::byte> bytes;

  /// Product of the shape.
  [[nodiscard]] int64_t element_count() const noexcept;
};

/// "[2, 3]", for messages; of more than eight extents the first.
std::string shape_text(std::span<const int64_t> shape);

using SafetensorsMap = std::map<std::string, SafetensorsTensor, std::less<>>;

/// Content of a whole safetensors file. The spans point into the parsed bytes.
struct SafetensorsContent {
  SafetensorsMap tensors;
  std::map<std::string, std::string, std::less<>> metadata;  ///< "__metadata__"
};

/// Checks every rule of the format: header length, UTF-8, strict JSON without duplicate keys,
/// shapes that match their bytes without overflow, tensors that tile the data exactly. A dtype
/// unknown to this program is kept by name: whether it matters depends on who needs the tensor.
/// Throws Error(kInvalidFile) with `where` and the tensor.
SafetensorsContent parse_safetensors(std::span<const std::byte> file, const std::string& where);

/// A mapped safetensors file. Views into it stay valid while it lives, also when it is moved.
class SafetensorsFile {
 public:
  /// Throws Error(kNotFound | kIo | kInvalidFile) with the path.
  explicit SafetensorsFile(const std::string& path);

  [[nodiscard]] const std::string& path() const noexcept { return map_.path(); }
  /// File name without the folder, for messages.
  [[nodiscard]] std::string file_name() const;
  [[nodiscard]] const SafetensorsMap& tensors() const noexcept { return content_.tensors; }
  [[nodiscard]] const std::map<std::string, std::string, std::less<>>& metadata() const noexcept {
    return content_.metadata;
  }

  /// The tensor of that name, or null.
  [[nodiscard]] const SafetensorsTensor* find(std::string_view name) const;
  /// The tensor of that name. Throws Error(kNotFound) with path and name.
  [[nodiscard]] const SafetensorsTensor& at(std::string_view name) const;

 private:
  base::MappedFile map_;
  SafetensorsContent content_;
};

}  // namespace levin::formats
