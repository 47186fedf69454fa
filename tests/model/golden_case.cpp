#include "model/golden_case.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/integers.h"
#include "formats/tensor_values.h"

namespace levin::model::testing {
namespace {

std::string case_folder(const std::string& name) {
  return std::string(LEVIN_TEST_DATA) + "/golden/" + name;
}

template <typename T>
std::vector<std::vector<T>> to_rows(const tensor::Tensor<T, 2>& rows) {
  std::vector<std::vector<T>> out;
  for (int64_t row = 0; row < rows.view().extent(0); ++row) {
    const T* begin = rows.view().row(row);
    out.emplace_back(begin, begin + rows.view().extent(1));
  }
  return out;
}

/// Rows [first, first + count) of a step.
struct StepRows {
  int64_t first = 0;
  int64_t count = 0;
};

/// What a step did not record becomes empty rows.
template <typename T>
void append(std::vector<T>& to, std::vector<T> rows, const StepRows& taken) {
  rows.resize(std::max(rows.size(), static_cast<size_t>(taken.first + taken.count)));
  std::move(rows.begin() + taken.first, rows.begin() + taken.first + taken.count,
            std::back_inserter(to));
}

void append_trace(RunResult& result, const Trace& trace, const StepRows& taken) {
  result.layers.resize(trace.layers.size());
  for (size_t i = 0; i < trace.layers.size(); ++i) {
    const LayerTrace& from = trace.layers[i];
    RunResult::Layer& to = result.layers[i];
    append(to.hidden, to_rows(from.hidden), taken);
    append(to.attn_out, to_rows(from.attn_out), taken);
    append(to.index_scores, to_rows(from.index_scores), taken);
    append(to.selected, from.selected, taken);
    append(to.router_ids, to_rows(from.router_ids), taken);
    append(to.router_weights, to_rows(from.router_weights), taken);
  }
}

/// The sequence that shares the steps of another one, until its tokens end.
class BatchMate {
 public:
  BatchMate(const RunOptions& options, const kernels::KvLayout& layout)
      : options_(options), pages_(layout, std::max<int64_t>(1, std::ssize(options.batch_mate))) {}

  /// Adds a chunk beside the only one of the step. Returns how many rows lie before that one's.
  int64_t join(std::vector<Chunk>& chunks) {
    const bool follows = options_.mate_chunk_tokens == 0;
    const int64_t asked = follows ? std::ssize(chunks[0].tokens) : options_.mate_chunk_tokens;
    const int64_t count = std::min(asked, std::ssize(options_.batch_mate) - pos_);
    if (count == 0) {
      return 0;
    }
    const Chunk chunk{
        .tokens =
            options_.batch_mate.subspan(static_cast<size_t>(pos_), static_cast<size_t>(count)),
        .first_pos = pos_,
        .is_decode = follows ? chunks[0].is_decode : options_.mate_chunk_tokens == 1,
        .pages = pages_.pages(),
        .logits = options_.mate_comes_first ? LogitsWanted::kNone : LogitsWanted::kLast};
    chunks.insert(options_.mate_comes_first ? chunks.begin() : chunks.end(), chunk);
    pos_ += count;
    return options_.mate_comes_first ? count : 0;
  }

 private:
  const RunOptions& options_;
  TestPages pages_;
  int64_t pos_ = 0;
};

}  // namespace

GoldenCase load_case(const std::string& name, base::ThreadPool& pool) {
  const std::string folder = case_folder(name);
  GoldenCase golden;
  golden.name = name;
  golden.config = load_config(folder);
  golden.weights = Weights::load(folder, golden.config, pool);
  for (const int64_t token : golden_integers(golden, "golden.safetensors", "tokens")) {
    golden.tokens.push_back(static_cast<int32_t>(token));
  }
  std::string text = base::read_file(folder + "/case.json", 1 << 20);
  for (size_t at = 0; (at = text.find("Infinity", at)) != std::string::npos;) {
    text.replace(at, 8, "null");  // Python's json module writes what JSON lacks
  }
  const auto json = nlohmann::json::parse(text);
  golden.prefill_tokens = json.at("prefill_length").get<int64_t>();
  const auto& tolerance = json.at("recommended_tolerance");
  golden.logits_max_abs = tolerance.at("logits_max_abs").get<float>();
  golden.logits_typical_abs = tolerance.at("logits_typical_abs").get<float>();
  golden.typical_rows_fraction = tolerance.at("typical_rows_fraction").get<double>();
  return golden;
}

std::vector<float> golden_floats(const GoldenCase& golden, const std::string& file,
                                 const std::string& name) {
  const formats::SafetensorsFile tensors(case_folder(golden.name) + "/" + file);
  return formats::to_f32_values(tensors.at(name), name);
}

std::vector<int64_t> golden_integers(const GoldenCase& golden, const std::string& file,
                                     const std::string& name) {
  const formats::SafetensorsFile tensors(case_folder(golden.name) + "/" + file);
  return formats::to_i64_values(tensors.at(name), name);
}

std::vector<std::vector<float>> golden_rows(const GoldenCase& golden, const std::string& file,
                                            const std::string& prefill_name,
                                            const std::string& decode_name) {
  const formats::SafetensorsFile tensors(case_folder(golden.name) + "/" + file);
  std::vector<std::vector<float>> rows;
  size_t widest = 0;
  for (const std::string& name : {prefill_name, decode_name}) {
    const formats::SafetensorsTensor& tensor = tensors.at(name);
    std::vector<float> values;
    if (tensor.dtype == tensor::DType::kBool) {
      const auto integers = formats::to_i64_values(tensor, name);
      values.assign(integers.begin(), integers.end());
    } else {
      values = formats::to_f32_values(tensor, name);
    }
    const auto width = static_cast<size_t>(tensor.shape.at(1));
    widest = std::max(widest, width);
    for (size_t begin = 0; begin < values.size(); begin += width) {
      rows.emplace_back(values.begin() + static_cast<int64_t>(begin),
                        values.begin() + static_cast<int64_t>(begin + width));
    }
  }
  for (auto& row : rows) {
    row.resize(widest);
  }
  return rows;
}

TestPages::TestPages(const kernels::KvLayout& layout, int64_t tokens)
    : memory_(base::ceil_div(tokens, kernels::kPageTokens) * layout.page_bytes()) {
  for (int64_t at = 0; at < memory_.size_bytes(); at += layout.page_bytes()) {
    pages_.push_back(memory_.data() + at);
  }
}

RunResult run(const Config& config, const Weights& weights, std::span<const int32_t> tokens,
              int64_t prefill_tokens, const RunOptions& options) {
  base::ThreadPool pool(options.threads);
  kernels::Context ctx(pool, *options.table);
  Transformer transformer(config, weights, ctx, options.forward);
  const auto total = static_cast<int64_t>(tokens.size());
  const TestPages pages(transformer.kv_layout(), total);
  BatchMate mate(options, transformer.kv_layout());
  const int64_t chunk_tokens = options.chunk_tokens > 0 ? options.chunk_tokens : prefill_tokens;

  RunResult result;
  tensor::Tensor<float, 2> logits;
  for (int64_t pos = 0; pos < total;) {
    const bool is_decode = pos >= prefill_tokens;
    const int64_t count = is_decode ? std::min(options.decode_tokens, total - pos)
                                    : std::min(chunk_tokens, prefill_tokens - pos);
    std::vector<Chunk> chunks{
        {.tokens = tokens.subspan(static_cast<size_t>(pos), static_cast<size_t>(count)),
         .first_pos = pos,
         .is_decode = is_decode,
         .pages = pages.pages(),
         .logits = LogitsWanted::kAll}};
    const int64_t rows_before = mate.join(chunks);
    Trace trace;
    trace.wants_hidden = true;
    trace.wants_indexer = transformer.is_sparse() && options.batch_mate.empty();
    trace.wants_selected = true;
    trace.wants_router = true;
    transformer.forward(chunks, logits, options.wants_trace ? &trace : nullptr);
    append(result.logits, to_rows(logits), {0, count});
    if (options.wants_trace) {
      append_trace(result, trace, {rows_before, count});
    }
    pos += count;
  }
  return result;
}

RunResult run(const GoldenCase& golden, const RunOptions& options) {
  const int64_t prefill =
      options.prefill_tokens < 0 ? golden.prefill_tokens : options.prefill_tokens;
  return run(golden.config, *golden.weights, golden.tokens, prefill, options);
}

float max_abs_difference(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) {
    return std::numeric_limits<float>::infinity();
  }
  float largest = 0.0F;
  for (size_t i = 0; i < a.size(); ++i) {
    const float difference = std::abs(a[i] - b[i]);
    largest = std::isnan(difference) ? std::numeric_limits<float>::infinity()
                                     : std::max(largest, difference);
  }
  return largest;
}

}  // namespace levin::model::testing
