// A cache layer of one sequence for tests: pages in shuffled order, random content.
#pragma once

#include <algorithm>
#include <vector>

#include "base/float_formats.h"
#include "base/integers.h"
#include "base/random.h"
#include "kernels/kv_layout.h"
#include "tensor/buffer.h"
#include "tensor/view.h"

namespace levin::kernels::testing {

/// Random normal numbers, [rows, cols].
inline tensor::Tensor<float, 2> random_rows(int64_t rows, int64_t cols, uint64_t seed,
                                            double magnitude = 1.0) {
  tensor::Tensor<float, 2> numbers({rows, cols});
  for (int64_t i = 0; i < rows * cols; ++i) {
    numbers.data()[i] =
        static_cast<float>(base::random_normal(seed, static_cast<uint64_t>(i)) * magnitude);
  }
  return numbers;
}

/// Random normal numbers, [tokens, heads, dim].
inline tensor::Tensor<float, 3> random_heads(int64_t tokens, int64_t heads, int64_t dim,
                                             uint64_t seed, double magnitude = 1.0) {
  tensor::Tensor<float, 3> numbers({tokens, heads, dim});
  for (int64_t i = 0; i < tokens * heads * dim; ++i) {
    numbers.data()[i] =
        static_cast<float>(base::random_normal(seed, static_cast<uint64_t>(i)) * magnitude);
  }
  return numbers;
}

/// Room for `tokens` tokens in the second of two layers; neighbours in the sequence do not lie
/// together.
class PagedCache {
 public:
  PagedCache(KvLayout layout, int64_t tokens) : layout_(layout) {
    layout_.num_layers = 2;
    const int64_t count = base::ceil_div(tokens, kPageTokens);
    memory_ = tensor::Buffer(count * layout_.page_bytes());
    for (int64_t page = 0; page < count; ++page) {
      pages_.push_back(memory_.data() + (page * 7 + 3) % count * layout_.page_bytes());
    }
    if (count % 7 == 0) {  // the step would not reach every page
      for (int64_t page = 0; page < count; ++page) {
        pages_[static_cast<size_t>(page)] =
            memory_.data() + (count - 1 - page) * layout_.page_bytes();
      }
    }
  }

  /// From now on the first `count` pages are those of `other`, which has to outlive this cache.
  void share_pages(const PagedCache& other, int64_t count) {
    std::copy_n(other.pages_.begin(), count, pages_.begin());
  }

  [[nodiscard]] KvLayerView view() const {
    return {.pages = pages_.data(), .layer_offset = layout_.layer_bytes(), .layout = &layout_};
  }
  [[nodiscard]] const KvLayout& layout() const { return layout_; }

 private:
  KvLayout layout_;
  tensor::Buffer memory_;
  std::vector<std::byte*> pages_;
};

}  // namespace levin::kernels::testing
