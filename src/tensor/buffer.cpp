#include "tensor/buffer.h"

#include <sys/mman.h>

#include <utility>

#include "base/error.h"

namespace levin::tensor {

Buffer::Buffer(int64_t size_bytes) : size_bytes_(size_bytes) {
  if (size_bytes == 0) {
    return;
  }
  void* memory = ::mmap(nullptr, static_cast<size_t>(size_bytes), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    size_bytes_ = 0;
    base::throw_error(base::ErrorCode::kOutOfMemory, "", "cannot allocate {} bytes of memory",
                      size_bytes);
  }
  constexpr int64_t kHugePageBytes = int64_t{2} << 20;
  if (size_bytes >= kHugePageBytes) {
    ::madvise(memory, static_cast<size_t>(size_bytes), MADV_HUGEPAGE);
  }
  data_ = static_cast<std::byte*>(memory);
}

Buffer::~Buffer() {
  if (data_ != nullptr) {
    ::munmap(data_, static_cast<size_t>(size_bytes_));
  }
}

Buffer::Buffer(Buffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_bytes_(std::exchange(other.size_bytes_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_bytes_, other.size_bytes_);
  return *this;
}

void Buffer::reserve(int64_t size_bytes) {
  if (size_bytes > size_bytes_) {
    *this = Buffer(size_bytes);
  }
}

}  // namespace levin::tensor
