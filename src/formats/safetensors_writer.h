// Writing safetensors files: whole at once, or streamed piece by piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/descriptor.h"
#include "base/unfinished_file.h"
#include "tensor/dtype.h"

namespace levin::formats {

/// What a tensor of a file will be; its data follows.
struct TensorDeclaration {
  std::string name;
  tensor::DType dtype = tensor::DType::kF32;
  std::vector<int64_t> shape;
};

/// A tensor with its data, row-major, little-endian.
struct NamedTensor {
  std::string name;
  tensor::DType dtype = tensor::DType::kF32;
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;
};

using SafetensorsMetadata = std::map<std::string, std::string>;

/// Streams a file of any size: declare every tensor, append their data in that order, finish.
/// Until `finish` the data lies under a temporary name in the same folder; a writer that is
/// destroyed without it leaves nothing behind. Not thread-safe.
class SafetensorsWriter {
 public:
  /// Throws Error(kInvalidArgument) for a name twice or not UTF-8 and for shapes that overflow,
  /// Error(kIo) if the file cannot be created.
  SafetensorsWriter(const std::string& path, std::span<const TensorDeclaration> tensors,
                    const SafetensorsMetadata& metadata = {{"format", "pt"}});

  /// The next bytes of data; pieces need not end where tensors do.
  /// Throws Error(kIo), Error(kInvalidArgument) beyond the declared bytes.
  void append(std::span<const std::byte> bytes);

  /// Flushes to the disk and gives the file its name. Throws Error(kInvalidArgument) if data is
  /// missing, Error(kIo).
  void finish();

  /// Bytes of data that the declarations add up to.
  [[nodiscard]] int64_t data_bytes() const noexcept { return data_bytes_; }

 private:
  void write_out(std::span<const std::byte> bytes);
  void flush();

  std::string path_;
  base::UnfinishedFile temporary_;
  base::Descriptor file_;
  int64_t data_bytes_ = 0;
  int64_t appended_bytes_ = 0;
  std::vector<std::byte> pending_;
};

/// Writes a whole file: it is there complete or not at all. The header is padded so that the data
/// begins at a multiple of 8. Throws as SafetensorsWriter does, and Error(kInvalidArgument) for
/// data that does not fit its shape.
void write_safetensors(const std::string& path, std::span<const NamedTensor> tensors,
                       const SafetensorsMetadata& metadata = {{"format", "pt"}});

}  // namespace levin::formats
