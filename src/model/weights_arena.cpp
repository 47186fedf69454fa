#include "model/weights_arena.h"

#include "base/error.h"
#include "base/memory_info.h"

namespace levin::model {

void WeightsArena::allocate() {
  const int64_t available_bytes = base::available_memory_bytes();
  if (available_bytes > 0 && planned_bytes_ > available_bytes) {
    base::throw_error(base::ErrorCode::kOutOfMemory, "",
                      "the copies of weights made at load need {} MiB, but only {} MiB of memory "
                      "are available; use the weights as they are, or a smaller model",
                      planned_bytes_ >> 20, available_bytes >> 20);
  }
  buffer_ = tensor::Buffer(planned_bytes_);
}

std::byte* WeightsArena::take(int64_t bytes) {
  LEVIN_CHECK(taken_bytes_ + padded(bytes) <= buffer_.size_bytes());
  std::byte* const start = buffer_.data() + taken_bytes_;
  taken_bytes_ += padded(bytes);
  return start;
}

}  // namespace levin::model
