// Reference outputs of DeepSeek's official PyTorch code (tests/data/golden/README.md) and the means
// to run our forward pass over the same tokens.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "formats/safetensors.h"
#include "kernels/context.h"
#include "model/forward.h"
#include "model/golden_names.h"

namespace levin::model::testing {

using levin::testing::all_case_names;

/// One folder of tests/data/golden.
struct GoldenCase {
  std::string name;
  Config config;
  std::unique_ptr<Weights> weights;
  std::vector<int32_t> tokens;  // prefill, then decode
  int64_t prefill_tokens = 0;
  float logits_max_abs = 0.0F;      // recommended tolerance for every row
  float logits_typical_abs = 0.0F;  // ... for typical_rows_fraction of the rows
  double typical_rows_fraction = 0.0;

  [[nodiscard]] int64_t token_count() const { return static_cast<int64_t>(tokens.size()); }
};

GoldenCase load_case(const std::string& name, base::ThreadPool& pool);

/// Tensor `name` of `file` in the case's folder, as float32.
std::vector<float> golden_floats(const GoldenCase& golden, const std::string& file,
                                 const std::string& name);
std::vector<int64_t> golden_integers(const GoldenCase& golden, const std::string& file,
                                     const std::string& name);

/// Rows [T+D, width] of a prefill tensor [T, width_a] followed by its decode twin [D, width_b];
/// shorter rows are filled with zeros.
std::vector<std::vector<float>> golden_rows(const GoldenCase& golden, const std::string& file,
                                            const std::string& prefill_name,
                                            const std::string& decode_name);

/// Pages of one sequence, for tests that drive the transformer by hand.
class TestPages {
 public:
  TestPages(const kernels::KvLayout& layout, int64_t tokens);
  [[nodiscard]] std::byte* const* pages() const { return pages_.data(); }

 private:
  tensor::Buffer memory_;
  std::vector<std::byte*> pages_;
};

struct RunOptions {
  const kernels::OpTable* table = nullptr;
  int threads = 1;
  ForwardOptions forward;
  int64_t chunk_tokens = 0;     // 0: the whole prefill at once
  int64_t prefill_tokens = -1;  // the rest is decoded one by one; -1: as in the case
  int64_t decode_tokens = 1;    // of a decode chunk at most
  /// Tokens of a second sequence that shares the steps (its logits are dropped).
  std::span<const int32_t> batch_mate;
  int64_t mate_chunk_tokens = 0;  // 0: as many as this sequence; 1: decoded one by one
  bool mate_comes_first = false;  // its rows lie before this sequence's
  bool wants_trace = false;
};

/// Everything that a run produced, one entry per token.
struct RunResult {
  struct Layer {
    std::vector<std::vector<float>> hidden;
    std::vector<std::vector<float>> attn_out;
    std::vector<std::vector<float>> index_scores;
    std::vector<std::vector<int32_t>> selected;
    std::vector<std::vector<int32_t>> router_ids;
    std::vector<std::vector<float>> router_weights;
  };
  std::vector<std::vector<float>> logits;
  std::vector<Layer> layers;
};

RunResult run(const Config& config, const Weights& weights, std::span<const int32_t> tokens,
              int64_t prefill_tokens, const RunOptions& options);
RunResult run(const GoldenCase& golden, const RunOptions& options);

/// Infinity if the sizes differ or a difference is not a number.
float max_abs_difference(std::span<const float> a, std::span<const float> b);

}  // namespace levin::model::testing
