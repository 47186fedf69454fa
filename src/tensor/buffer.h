// Owning memory, 64-byte aligned.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/view.h"

namespace levin::tensor {

/// Anonymous memory straight from the operating system for large sizes: pages are committed when
/// first written, and read as zero before that.
class Buffer {
 public:
  Buffer() = default;
  /// Throws Error(kOutOfMemory) with the size. 0 bytes is an empty buffer.
  explicit Buffer(int64_t size_bytes);
  ~Buffer();
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  [[nodiscard]] std::byte* data() noexcept { return data_; }
  [[nodiscard]] const std::byte* data() const noexcept { return data_; }
  [[nodiscard]] int64_t size_bytes() const noexcept { return size_bytes_; }

  /// Grows to at least `size_bytes`; the content is lost when it grows.
  void reserve(int64_t size_bytes);

 private:
  std::byte* data_ = nullptr;
  int64_t size_bytes_ = 0;
};

/// A buffer seen as a tensor of T. Growing re-shapes; nothing is initialised but fresh pages read
/// as zero.
template <typename T, int kRank>
class Tensor {
 public:
  using Extents = typename TensorView<T, kRank>::Extents;

  Tensor() = default;
  explicit Tensor(const Extents& extents) { resize(extents); }

  /// Content is unspecified afterwards.
  void resize(const Extents& extents) {
    extents_ = extents;
    buffer_.reserve(view().size() * static_cast<int64_t>(sizeof(T)));
  }

  [[nodiscard]] TensorView<T, kRank> view() noexcept {
    return {reinterpret_cast<T*>(buffer_.data()), extents_};
  }
  [[nodiscard]] TensorView<const T, kRank> view() const noexcept {
    return {reinterpret_cast<const T*>(buffer_.data()), extents_};
  }
  [[nodiscard]] T* data() noexcept { return reinterpret_cast<T*>(buffer_.data()); }
  [[nodiscard]] const T* data() const noexcept {
    return reinterpret_cast<const T*>(buffer_.data());
  }
  [[nodiscard]] int64_t size_bytes() const noexcept { return buffer_.size_bytes(); }

 private:
  Buffer buffer_;
  Extents extents_{};
};

}  // namespace levin::tensor
