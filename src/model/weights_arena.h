// One block of anonymous memory for all copies that a load makes. Private to weights*.cpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/integers.h"
#include "tensor/buffer.h"

namespace levin::model {

/// A model has tens of thousands of matrices; one mapping for all of them stays far below the
/// kernel's limit of mappings per process.
class WeightsArena {
 public:
  static constexpr int64_t kAlignment = 64;

  [[nodiscard]] static constexpr int64_t padded(int64_t bytes) noexcept {
    return base::round_up(bytes, kAlignment);
  }

  /// Announces a later take() of as many bytes.
  void plan(int64_t bytes) noexcept { planned_bytes_ += padded(bytes); }

  /// Reserves what was planned. Throws Error(kOutOfMemory) if the machine does not have it.
  void allocate();

  /// The next `bytes`, 64-byte aligned, reading as zero.
  [[nodiscard]] std::byte* take(int64_t bytes);

 private:
  tensor::Buffer buffer_;
  int64_t planned_bytes_ = 0;
  int64_t taken_bytes_ = 0;
};

}  // namespace levin::model
