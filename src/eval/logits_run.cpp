#include "eval/logits_run.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "base/error.h"
#include "eval/trace_recorder.h"
#include "formats/safetensors_writer.h"
#include "model/forward.h"
#include "runtime/session.h"

namespace levin::eval {
namespace {

using base::ErrorCode;
using tensor::DType;

std::span<const std::byte> bytes_of(const tensor::Tensor<float, 2>& logits) {
  return std::as_bytes(std::span(logits.data(), static_cast<size_t>(logits.view().size())));
}

/// The steps that feed a sequence: chunks of the prefill, then single tokens.
class Steps {
 public:
  Steps(int64_t tokens, const LogitsOptions& options)
      : tokens_(tokens),
        prefill_tokens_(options.decode_from.value_or(tokens)),
        chunk_tokens_(options.chunk_tokens > 0 ? options.chunk_tokens : tokens) {
    if (prefill_tokens_ < 0 || prefill_tokens_ > tokens) {
      base::throw_error(ErrorCode::kInvalidArgument, "--decode-from",
                        "wanted a position in [0, {}], got {}", tokens, prefill_tokens_);
    }
  }

  [[nodiscard]] int64_t prefill_tokens() const noexcept { return prefill_tokens_; }
  [[nodiscard]] int64_t decode_tokens() const noexcept { return tokens_ - prefill_tokens_; }
  [[nodiscard]] bool is_decode(int64_t first) const noexcept { return first >= prefill_tokens_; }
  /// Tokens of the step that begins at `first`.
  [[nodiscard]] int64_t length(int64_t first) const noexcept {
    return is_decode(first) ? 1 : std::min(chunk_tokens_, prefill_tokens_ - first);
  }

 private:
  int64_t tokens_;
  int64_t prefill_tokens_;
  int64_t chunk_tokens_;
};

model::Trace make_trace(const LogitsDumps& dumps) {
  model::Trace trace;
  trace.wants_hidden = dumps.has_hidden;
  trace.wants_indexer = dumps.has_indexer;
  trace.wants_selected = dumps.has_topk;
  trace.wants_router = dumps.has_router;
  return trace;
}

/// Feeds the whole sequence; `take` gets every step's first token, logits and trace.
template <typename Take>
void run_steps(runtime::Engine& engine, std::span<const int32_t> tokens, const Steps& steps,
               const LogitsDumps& dumps, base::FunctionRef<void(int64_t)> progress,
               const Take& take) {
  const auto total = static_cast<int64_t>(tokens.size());
  runtime::Session session(engine, total);
  for (int64_t first = 0; first < total;) {
    const int64_t length = steps.length(first);
    model::Trace trace = make_trace(dumps);
    const auto& logits = session.append(
        tokens.subspan(static_cast<size_t>(first), static_cast<size_t>(length)),
        steps.is_decode(first), model::LogitsWanted::kAll, dumps.is_any() ? &trace : nullptr);
    take(first, length, logits, trace);
    first += length;
    progress(first);
  }
}

void write_plain(runtime::Engine& engine, std::span<const int32_t> tokens, const Steps& steps,
                 const std::string& out_path, base::FunctionRef<void(int64_t)> progress) {
  const std::vector<formats::TensorDeclaration> declarations = {
      {"logits", DType::kF32, {static_cast<int64_t>(tokens.size()), engine.config().vocab_size}}};
  formats::SafetensorsWriter writer(out_path, declarations);
  run_steps(engine, tokens, steps, {}, progress,
            [&](int64_t /*first*/, int64_t /*length*/, const auto& logits,
                const model::Trace& /*trace*/) { writer.append(bytes_of(logits)); });
  writer.finish();
}

void write_with_dumps(runtime::Engine& engine, std::span<const int32_t> tokens, const Steps& steps,
                      const LogitsDumps& dumps, const std::string& out_path,
                      base::FunctionRef<void(int64_t)> progress) {
  const auto total = static_cast<int64_t>(tokens.size());
  const int64_t vocab_size = engine.config().vocab_size;
  tensor::Tensor<float, 2> all_logits({total, vocab_size});
  TraceRecorder recorder(steps.prefill_tokens(), steps.decode_tokens());
  run_steps(engine, tokens, steps, dumps, progress,
            [&](int64_t first, int64_t length, const auto& logits, const model::Trace& trace) {
              std::copy_n(logits.data(), logits.view().size(), all_logits.view().row(first));
              recorder.add(trace, first, length);
            });
  const std::vector<int64_t> ids(tokens.begin(), tokens.end());
  const std::span<const std::byte> bytes = bytes_of(all_logits);
  const auto prefill_bytes = static_cast<size_t>(steps.prefill_tokens() * vocab_size * 4);
  std::vector<formats::NamedTensor> tensors = recorder.tensors();
  tensors.push_back({"tokens", DType::kI64, {total}, std::as_bytes(std::span(ids))});
  tensors.push_back({"logits", DType::kF32, {total, vocab_size}, bytes});
  tensors.push_back({"prefill_logits",
                     DType::kF32,
                     {steps.prefill_tokens(), vocab_size},
                     bytes.first(prefill_bytes)});
  tensors.push_back({"decode_logits",
                     DType::kF32,
                     {steps.decode_tokens(), vocab_size},
                     bytes.subspan(prefill_bytes)});
  formats::write_safetensors(out_path, tensors);
}

}  // namespace

void write_logits(runtime::Engine& engine, std::span<const int32_t> tokens,
                  const LogitsOptions& options, const std::string& out_path,
                  base::FunctionRef<void(int64_t)> progress) {
  const Steps steps(static_cast<int64_t>(tokens.size()), options);
  if (options.dumps.is_any()) {
    write_with_dumps(engine, tokens, steps, options.dumps, out_path, progress);
  } else {
    write_plain(engine, tokens, steps, out_path, progress);
  }
}

}  // namespace levin::eval
