// Cuts a piece of memory into typed, 64-byte aligned arrays.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/integers.h"

namespace levin::kernels {

/// Used twice with the same calls: without memory to learn the size, then with it.
class WorkspaceCutter {
 public:
  explicit WorkspaceCutter(std::byte* memory = nullptr) : memory_(memory) {}

  template <typename T>
  T* take(int64_t count) {
    std::byte* at = memory_ == nullptr ? nullptr : memory_ + used_bytes_;
    used_bytes_ += base::round_up(count * static_cast<int64_t>(sizeof(T)), 64);
    return reinterpret_cast<T*>(at);
  }

  [[nodiscard]] int64_t used_bytes() const { return used_bytes_; }

 private:
  std::byte* memory_;
  int64_t used_bytes_ = 0;
};

}  // namespace levin::kernels
