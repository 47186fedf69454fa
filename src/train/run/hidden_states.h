// The hidden states of many rows in a file, for passes that hold one layer at a time.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "base/descriptor.h"

namespace levin::train::run {

/// Rows of [row_tokens, hidden_size] f32, each read and written as a whole. What lies in the file
/// stays there until remove().
class HiddenStates {
 public:
  /// Opens the file or makes it. Throws Error(kIo).
  HiddenStates(std::string path, int64_t row_tokens, int64_t hidden_size);

  /// Throws Error(kIo), also when the disk is full.
  void write(int64_t row_idx, const at::Tensor& hidden);
  /// A row that was written. Throws Error(kIo).
  [[nodiscard]] at::Tensor read(int64_t row_idx) const;
  /// Flushes what was written to the disk. Throws Error(kIo).
  void sync() const;
  /// Closes and removes the file.
  void remove() noexcept;

 private:
  std::string path_;
  int64_t row_tokens_;
  int64_t hidden_size_;
  base::Descriptor file_;
};

}  // namespace levin::train::run
