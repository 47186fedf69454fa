#include "eval/trace_recorder.h"

#include <fmt/format.h>

#include <cstring>
#include <span>
#include <utility>

#include "base/error.h"

namespace levin::eval {
namespace {

using tensor::DType;

}  // namespace

TraceRecorder::Target TraceRecorder::phase_target(int64_t first) const {
  if (first < prefill_tokens_) {
    return {prefill_tokens_, first, prefill_tokens_};
  }
  return {decode_tokens_, first - prefill_tokens_, prefill_tokens_ + decode_tokens_};
}

TraceRecorder::Recorded& TraceRecorder::tensor(const std::string& name, DType dtype, int64_t rows,
                                               int64_t cols) {
  Recorded& entry = recorded_[name];
  if (entry.shape.empty()) {
    entry.dtype = dtype;
    entry.shape = {rows, cols};
    const int64_t bytes = rows * cols * tensor::dtype_bytes(dtype);
    entry.data = tensor::Buffer(bytes);
    std::memset(entry.data.data(), 0, static_cast<size_t>(bytes));
  }
  return entry;
}

void TraceRecorder::copy_rows(const std::string& name, DType dtype, const Target& target,
                              int64_t target_cols, const void* source, int64_t source_cols,
                              int64_t rows) {
  LEVIN_CHECK(source_cols <= target_cols && target.first_row + rows <= target.rows);
  const int64_t element = tensor::dtype_bytes(dtype);
  std::byte* out = tensor(name, dtype, target.rows, target_cols).data.data() +
                   target.first_row * target_cols * element;
  const auto* in = static_cast<const std::byte*>(source);
  for (int64_t row = 0; row < rows; ++row) {
    std::memcpy(out + row * target_cols * element, in + row * source_cols * element,
                static_cast<size_t>(source_cols * element));
  }
}

void TraceRecorder::add_mask(const std::string& name, const Target& target,
                             const std::vector<std::vector<int32_t>>& selected) {
  std::byte* mask = tensor(name, DType::kBool, target.rows, target.kv_tokens).data.data();
  for (size_t row = 0; row < selected.size(); ++row) {
    std::byte* out = mask + (target.first_row + static_cast<int64_t>(row)) * target.kv_tokens;
    for (const int32_t pos : selected[row]) {
      out[pos] = std::byte{1};
    }
  }
}

void TraceRecorder::add(const model::Trace& trace, int64_t first, int64_t tokens) {
  const Target phase = phase_target(first);
  const Target all = {prefill_tokens_ + decode_tokens_, first, 0};
  const bool is_decode = first >= prefill_tokens_;
  const char* prefix = is_decode ? "decode_" : "";
  for (size_t layer_idx = 0; layer_idx < trace.layers.size(); ++layer_idx) {
    const model::LayerTrace& layer = trace.layers[layer_idx];
    const std::string stem = fmt::format("layer.{}.", layer_idx);
    const auto copy = [&](const std::string& name, DType dtype, const Target& target,
                          const auto& source, int64_t target_cols) {
      if (source.view().size() > 0) {
        copy_rows(stem + name, dtype, target, target_cols, source.data(), source.view().extent(1),
                  tokens);
      }
    };
    if (trace.wants_hidden) {
      copy(fmt::format("{}hidden", prefix), DType::kF32, phase, layer.hidden,
           layer.hidden.view().extent(1));
      if (!is_decode) {
        copy("attn_out", DType::kF32, phase, layer.attn_out, layer.attn_out.view().extent(1));
      }
    }
    if (trace.wants_indexer) {
      copy(fmt::format("{}index_scores", prefix), DType::kF32, phase, layer.index_scores,
           phase.kv_tokens);
    }
    if (trace.wants_selected && !layer.selected.empty()) {
      add_mask(stem + fmt::format("{}topk_mask", prefix), phase, layer.selected);
    }
    if (trace.wants_router) {
      const int64_t experts = layer.router_ids.view().extent(1);
      copy("router_ids", DType::kI32, all, layer.router_ids, experts);
      copy("router_weights", DType::kF32, all, layer.router_weights, experts);
    }
  }
}

std::vector<formats::NamedTensor> TraceRecorder::tensors() const {
  std::vector<formats::NamedTensor> named;
  for (const auto& [name, entry] : recorded_) {
    int64_t bytes = tensor::dtype_bytes(entry.dtype);
    for (const int64_t extent : entry.shape) {
      bytes *= extent;
    }
    named.push_back(
        {name, entry.dtype, entry.shape, std::span(entry.data.data(), static_cast<size_t>(bytes))});
  }
  return named;
}

}  // namespace levin::eval
