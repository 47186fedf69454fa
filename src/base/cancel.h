// A flag that asks long work to stop: set from a signal handler or another thread.
#pragma once

#include <atomic>

#include "base/error.h"

namespace levin::base {

class CancelToken {
 public:
  void cancel() noexcept { cancelled_.store(true, std::memory_order_relaxed); }
  void reset() noexcept { cancelled_.store(false, std::memory_order_relaxed); }
  [[nodiscard]] bool is_cancelled() const noexcept {
    return cancelled_.load(std::memory_order_relaxed);
  }
  /// Throws Error(kCancelled) once cancelled.
  void throw_if_cancelled() const {
    if (is_cancelled()) {
      throw Error(ErrorCode::kCancelled, "stopped on request");
    }
  }

 private:
  std::atomic<bool> cancelled_{false};
};

}  // namespace levin::base
