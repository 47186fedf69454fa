// What every op needs: the threads, the kernels, the scratch memory.
#pragma once

#include <cstddef>

#include "base/thread_pool.h"
#include "kernels/op_table.h"
#include "tensor/buffer.h"

namespace levin::kernels {

/// `kReference` repeats the official kernels' roundings (activations to FP8 before an FP8 GEMM, FP8
/// latent, float32 elsewhere) in plain code; `kFast` keeps activations in bf16/f32 against the
/// same weights. The indexer's FP8 is part of the model in both.
enum class Numerics { kFast, kReference };

/// Owned by the engine; one step at a time uses it.
class Context {
 public:
  Context(base::ThreadPool& pool, const OpTable& table)
      : pool_(pool), table_(table), scratch_(pool.thread_count() * kThreadScratchBytes) {}

  [[nodiscard]] base::ThreadPool& pool() const noexcept { return pool_; }
  [[nodiscard]] const OpTable& table() const noexcept { return table_; }
  /// kThreadScratchBytes of memory that only thread `thread_idx` touches.
  [[nodiscard]] std::byte* scratch(int thread_idx) noexcept {
    return scratch_.data() + thread_idx * kThreadScratchBytes;
  }
  /// At least `size_bytes` of memory, 64-byte aligned, for the op that runs now. It grows to the
  /// largest op and stays, so that a step of a known size allocates nothing.
  [[nodiscard]] std::byte* workspace(int64_t size_bytes) {
    workspace_.reserve(size_bytes);
    return workspace_.data();
  }

 private:
  base::ThreadPool& pool_;
  const OpTable& table_;
  tensor::Buffer scratch_;
  tensor::Buffer workspace_;
};

}  // namespace levin::kernels
