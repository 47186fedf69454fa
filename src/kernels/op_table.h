// The functions that each instruction set provides: single-threaded, on raw pointers, trusting
// their arguments (the ops around them check shapes and hand out the threads). One table per ISA;
// ref/ is the definition and the oracle of every test.
//
// Reproducible by construction: what a function writes for one row (or one query, one key) is
// summed in an order that depends on the reduced length alone, never on how many rows are computed
// in the same call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/float_formats.h"
#include "tensor/weight_matrix.h"

namespace levin::kernels {

using base::Bf16;

/// Scratch memory that every table function may use: 64-byte aligned, one per thread.
inline constexpr int64_t kThreadScratchBytes = int64_t{2} << 20;

/// One step of streaming-softmax attention: `queries` rows that share their keys and values meet
/// one tile of keys. In absorbed (MQA) form the queries are the heads of one token and a value is
/// the front of its key row; in expanded (MHA) form they are tokens of one head.
struct AttentionTile {
  const Bf16* q = nullptr;  ///< packed: [ceil(queries/16), ceil(qk_dim/2), 16, 2], zero-padded
  int64_t queries = 0;      ///< at most 128
  int64_t qk_dim = 0;
  int64_t v_dim = 0;
  const Bf16* const* key_rows = nullptr;    ///< [keys] pointers to qk_dim numbers
  const Bf16* const* value_rows = nullptr;  ///< [keys] pointers to v_dim numbers
  int64_t keys = 0;                         ///< at most kAttentionTileKeys
  /// Key rows of the next tile, to be fetched from memory meanwhile: a hint, may be null.
  const Bf16* const* next_key_rows = nullptr;
  int64_t next_keys = 0;
  /// Query i reads keys [0, key_limits[i]) of this tile; null: all of them.
  const int32_t* key_limits = nullptr;
  float scale = 1.0F;        ///< multiplies q.k before the softmax
  float* row_max = nullptr;  ///< [queries], start with -inf
  float* row_sum = nullptr;  ///< [queries], start with 0
  float* out = nullptr;      ///< [queries, v_dim], start with 0; divide by row_sum at the end
};

inline constexpr int64_t kAttentionTileKeys = 128;
inline constexpr int64_t kAttentionTileQueries = 128;
/// Bound of qk_dim + v_dim: every table's copies of a tile fit into its scratch memory.
inline constexpr int64_t kAttentionTileDims = 3072;
/// Bound of heads * dim of index queries, for the same reason.
inline constexpr int64_t kMaxIndexQuerySize = int64_t{1} << 18;

/// How index keys are stored (kv_layout.h).
enum class IndexKeyFormat { kE4m3, kBf16 };

struct OpTable {
  std::string_view name;  ///< "ref", "avx2", "avx512"

  /// c[i, j] = sum_k a[i, k] * w[j, k] for i < m, j < w.rows, in float32. The weight enters as
  /// bf16: BF16 as it is; FP8, int8, F16 and F32 as float32 value (code * scale) rounded once to
  /// bf16. `a` is bf16 [m, w.cols] with `a_stride` elements between rows, nothing behind column
  /// w.cols is read; `c` float32 with `c_stride`.
  void (*matmul)(const tensor::WeightMatrix& w, const Bf16* a, int64_t a_stride, int64_t m,
                 float* c, int64_t c_stride, std::byte* scratch) noexcept;

  void (*attention_tile)(const AttentionTile& tile, std::byte* scratch) noexcept;

  /// Packs rows for AttentionTile::q: `queries` rows of `dim` float32 at `stride`, to bf16.
  void (*pack_queries)(const float* rows, int64_t stride, int64_t queries, int64_t dim,
                       Bf16* packed) noexcept;

  /// scores[i, j] = key_scales[j] * sum_h w[i, h] * max(0, q[i, h] . key_j), j in [0, 64): one
  /// page.
  ///   q [queries, heads, dim] bf16 (E4M3 values, exact), w [queries, heads] f32 (query scale
  ///   folded in), keys [dim/2, 64, 2] in `format`, scores [queries, 64] at `scores_stride`.
  /// Source: DeepSeek-V3.2-Exp report, eq. (1); reference inference/kernel.py, fp8_index.
  void (*index_scores_page)(const Bf16* q, const float* w, int64_t queries, int64_t heads,
                            int64_t dim, const std::byte* keys, IndexKeyFormat format,
                            const float* key_scales, float* scores, int64_t scores_stride,
                            std::byte* scratch) noexcept;

  /// Appends every (score, position) with score > threshold, in order of position, and returns how
  /// many. NaN is never appended. The outputs have room for `count` more.
  int64_t (*append_above)(const float* scores, int64_t count, int32_t first_pos, float threshold,
                          float* kept_scores, int32_t* kept_positions) noexcept;

  /// Hadamard transform (Sylvester order, times 1/sqrt(dim)) if asked, then E4M3 with one scale for
  /// the row (act_quant): codes [dim], returns the scale. dim is a power of two if transformed.
  float (*quantize_index_row)(const float* x, int64_t dim, bool hadamard, bool power_of_two_scale,
                              uint8_t* codes) noexcept;

  void (*f32_to_bf16)(const float* in, Bf16* out, int64_t count) noexcept;

  /// y = w * x / sqrt(mean(x^2) + eps).
  void (*rms_norm)(const float* x, const float* w, float eps, int64_t count, float* y) noexcept;

  /// y = (x - mean) / sqrt(var + eps) * w + b.
  void (*layer_norm)(const float* x, const float* w, const float* b, float eps, int64_t count,
                     float* y) noexcept;

  /// y = gate / (1 + exp(-gate)) * up.
  void (*silu_mul)(const float* gate, const float* up, int64_t count, float* y) noexcept;

  /// y += factor * x.
  void (*add_scaled)(const float* x, float factor, int64_t count, float* y) noexcept;

  /// Rotates the pairs (x[2i], x[2i + 1]) by the angles of cos and sin, [pairs]; in place.
  void (*rotate_pairs)(float* x, const float* cos, const float* sin, int64_t pairs) noexcept;

  /// The same for the pairs (x[i], x[i + pairs]).
  void (*rotate_halves)(float* x, const float* cos, const float* sin, int64_t pairs) noexcept;

  /// For ceilings.h: the sum of `count` numbers (a multiple of 128), as fast as memory delivers.
  float (*read_sum)(const float* data, int64_t count) noexcept;

  /// For ceilings.h: runs `steps` rounds of the products that matmul is made of, on registers, and
  /// returns how many floating-point operations that were. `sink` is written, so that they happen.
  double (*dot_rate_work)(int64_t steps, float* sink) noexcept;
};

namespace ref {
const OpTable& table();
}
namespace avx2 {
const OpTable& table();
}
namespace avx512 {
const OpTable& table();
}

/// The best table that this CPU supports, or the one that `requested` names ("" = best).
/// Throws Error(kInvalidArgument) for an unknown name or one that the CPU lacks.
const OpTable& select_table(std::string_view requested = {});

/// select_table of the environment variable LEVIN_ISA.
const OpTable& select_table_from_environment();

/// Every table that this CPU supports, ref first.
struct TableList {
  const OpTable* tables[3] = {};
  int count = 0;
};
TableList supported_tables();

}  // namespace levin::kernels
