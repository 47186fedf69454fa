// A non-owning view of a tensor: pointer, extents, element strides.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "base/error.h"

namespace levin::tensor {

/// Row-major; the last dimension is contiguous. Indexing is unchecked in release builds.
template <typename T, int kRank>
class TensorView {
 public:
  using Extents = std::array<int64_t, kRank>;

  TensorView() = default;

  /// Contiguous tensor.
  TensorView(T* data, const Extents& extents) : data_(data), extents_(extents) {
    int64_t stride = 1;
    for (int dim = kRank - 1; dim >= 0; --dim) {
      strides_[dim] = stride;
      stride *= extents_[dim];
    }
  }

  /// Strided tensor; `strides` count elements and the last one must be 1.
  TensorView(T* data, const Extents& extents, const Extents& strides)
      : data_(data), extents_(extents), strides_(strides) {
    LEVIN_DCHECK(strides[kRank - 1] == 1);
  }

  /// A view of mutable elements is also a view of constant ones.
  template <typename U>
  requires(std::is_same_v<T, const U>)
      TensorView(const TensorView<U, kRank>& other)  // NOLINT(google-explicit-constructor)
      : data_(other.data()), extents_(other.extents()), strides_(other.strides()) {}

  [[nodiscard]] T* data() const noexcept { return data_; }
  [[nodiscard]] const Extents& extents() const noexcept { return extents_; }
  [[nodiscard]] const Extents& strides() const noexcept { return strides_; }
  [[nodiscard]] int64_t extent(int dim) const noexcept { return extents_[dim]; }
  [[nodiscard]] int64_t stride(int dim) const noexcept { return strides_[dim]; }

  [[nodiscard]] int64_t size() const noexcept {
    int64_t count = 1;
    for (const int64_t extent : extents_) {
      count *= extent;
    }
    return count;
  }

  /// Pointer to element (i, 0, ...).
  [[nodiscard]] T* row(int64_t i) const noexcept { return data_ + i * strides_[0]; }
  /// Pointer to element (i, j, 0, ...).
  [[nodiscard]] T* row(int64_t i, int64_t j) const noexcept {
    static_assert(kRank >= 2);
    return data_ + i * strides_[0] + j * strides_[1];
  }

  /// Rows [begin, begin + count) of the first dimension.
  [[nodiscard]] TensorView rows(int64_t begin, int64_t count) const {
    LEVIN_DCHECK(begin >= 0 && count >= 0 && begin + count <= extents_[0]);
    TensorView slice = *this;
    slice.data_ += begin * strides_[0];
    slice.extents_[0] = count;
    return slice;
  }

  /// Columns [begin, begin + count) of the last dimension.
  [[nodiscard]] TensorView columns(int64_t begin, int64_t count) const {
    LEVIN_DCHECK(begin >= 0 && count >= 0 && begin + count <= extents_[kRank - 1]);
    TensorView slice = *this;
    slice.data_ += begin;
    slice.extents_[kRank - 1] = count;
    return slice;
  }

 private:
  T* data_ = nullptr;
  Extents extents_{};
  Extents strides_{};
};

}  // namespace levin::tensor
