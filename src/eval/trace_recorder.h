// Collects what the steps of a run recorded into whole tensors under the golden files' names.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "formats/safetensors_writer.h"
#include "model/forward.h"
#include "tensor/buffer.h"

namespace levin::eval {

class TraceRecorder {
 public:
  /// A run of `prefill_tokens`, then `decode_tokens` one at a time.
  TraceRecorder(int64_t prefill_tokens, int64_t decode_tokens)
      : prefill_tokens_(prefill_tokens), decode_tokens_(decode_tokens) {}

  /// Adds the rows of the step that fed tokens [first, first + tokens).
  void add(const model::Trace& trace, int64_t first, int64_t tokens);

  /// What was collected; the spans point into this object.
  [[nodiscard]] std::vector<formats::NamedTensor> tensors() const;

 private:
  struct Recorded {
    tensor::DType dtype = tensor::DType::kF32;
    std::vector<int64_t> shape;
    tensor::Buffer data;
  };
  /// Where the rows of a step go: the prefill tensors, the decode tensors, or those of all tokens.
  struct Target {
    int64_t rows = 0;
    int64_t first_row = 0;
    int64_t kv_tokens = 0;
  };

  [[nodiscard]] Target phase_target(int64_t first) const;
  Recorded& tensor(const std::string& name, tensor::DType dtype, int64_t rows, int64_t cols);
  void copy_rows(const std::string& name, tensor::DType dtype, const Target& target,
                 int64_t target_cols, const void* source, int64_t source_cols, int64_t rows);
  void add_mask(const std::string& name, const Target& target,
                const std::vector<std::vector<int32_t>>& selected);

  int64_t prefill_tokens_;
  int64_t decode_tokens_;
  std::map<std::string, Recorded> recorded_;
};

}  // namespace levin::eval
