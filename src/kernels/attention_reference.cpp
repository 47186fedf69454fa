// Both forms of attention in plain float32, for the reference numerics.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/integers.h"
#include "kernels/attention.h"
#include "kernels/workspace.h"

namespace levin::kernels {
namespace {

float dot(const float* a, const float* b, int64_t count) {
  float sum = 0.0F;
  for (int64_t i = 0; i < count; ++i) {
    sum += a[i] * b[i];
  }
  return sum;
}

/// Scores become probabilities in place.
void softmax(std::span<float> scores) {
  const float largest = *std::max_element(scores.begin(), scores.end());
  float sum = 0.0F;
  for (float& score : scores) {
    score = std::exp(score - largest);
    sum += score;
  }
  for (float& score : scores) {
    score /= sum;
  }
}

/// The positions that a query reads: a list, or all of [0, count).
struct ReadList {
  std::span<const int32_t> positions;
  int64_t count;

  [[nodiscard]] int64_t at(int64_t i) const {
    return positions.empty() ? i : positions[static_cast<size_t>(i)];
  }
};

ReadList make_read_list(std::span<const int32_t> positions, int64_t kv_tokens) {
  return {positions, positions.empty() ? kv_tokens : std::ssize(positions)};
}

const float* latent_row(const KvLayerView& kv, int64_t pos) {
  return reinterpret_cast<const float*>(kv.latent_row(pos));
}

/// Memory for `longest` scores per thread.
class ScoreRows {
 public:
  ScoreRows(Context& ctx, int64_t longest)
      : stride_(base::round_up(longest * 4, 64)),
        memory_(ctx.workspace(stride_ * ctx.pool().thread_count())) {}

  [[nodiscard]] std::span<float> row(int thread_idx, int64_t count) const {
    return {reinterpret_cast<float*>(memory_ + thread_idx * stride_), static_cast<size_t>(count)};
  }

 private:
  int64_t stride_;
  std::byte* memory_;
};

}  // namespace

int64_t absorbed_attention_reference(Context& ctx, TensorView<const float, 3> q,
                                     std::span<const AbsorbedQuery> queries, const MlaDims& dims,
                                     TensorView<float, 3> out) {
  const int64_t heads = dims.num_attention_heads;
  const int64_t row_dim = dims.kv_lora_rank + dims.qk_rope_head_dim;
  LEVIN_CHECK(std::ssize(queries) == q.extent(0) && q.extent(0) == out.extent(0));
  LEVIN_CHECK(q.extent(1) == heads && q.extent(2) == row_dim);
  LEVIN_CHECK(out.extent(1) == heads && out.extent(2) == dims.kv_lora_rank);
  int64_t longest = 0;
  int64_t rows_read = 0;
  for (const AbsorbedQuery& query : queries) {
    LEVIN_CHECK(query.kv.layout->latent_bytes == 4);
    const ReadList list = make_read_list(query.positions, query.kv_tokens);
    longest = std::max(longest, list.count);
    rows_read += list.count;
  }
  const ScoreRows score_rows(ctx, longest);
  ctx.pool().parallel_for(q.extent(0) * heads, [&](int64_t task_idx, int thread_idx) {
    const int64_t token = task_idx / heads;
    const int64_t head = task_idx % heads;
    const AbsorbedQuery& query = queries[static_cast<size_t>(token)];
    const ReadList list = make_read_list(query.positions, query.kv_tokens);
    const std::span<float> scores = score_rows.row(thread_idx, list.count);
    for (int64_t i = 0; i < list.count; ++i) {
      scores[static_cast<size_t>(i)] =
          dot(q.row(token, head), latent_row(query.kv, list.at(i)), row_dim) * dims.softmax_scale;
    }
    softmax(scores);
    float* sum = out.row(token, head);
    std::fill_n(sum, dims.kv_lora_rank, 0.0F);
    for (int64_t i = 0; i < list.count; ++i) {
      ctx.table().add_scaled(latent_row(query.kv, list.at(i)), scores[static_cast<size_t>(i)],
                             dims.kv_lora_rank, sum);
    }
  });
  return rows_read;
}

int64_t expanded_attention_reference(Context& ctx, TensorView<const float, 3> q, int64_t first_pos,
                                     const KvLayerView& kv, TensorView<const float, 2> expanded,
                                     std::span<const std::span<const int32_t>> positions,
                                     const MlaDims& dims, TensorView<float, 3> out) {
  const int64_t heads = dims.num_attention_heads;
  const int64_t nope = dims.qk_nope_head_dim;
  const int64_t head_width = nope + dims.v_head_dim;
  LEVIN_CHECK(kv.layout->latent_bytes == 4);
  LEVIN_CHECK(q.extent(1) == heads && q.extent(2) == nope + dims.qk_rope_head_dim);
  LEVIN_CHECK(expanded.extent(0) >= first_pos + q.extent(0));
  LEVIN_CHECK(expanded.extent(1) == heads * head_width);
  LEVIN_CHECK(std::ssize(positions) == q.extent(0));
  LEVIN_CHECK(out.extent(0) == q.extent(0) && out.extent(1) == heads);
  LEVIN_CHECK(out.extent(2) == dims.v_head_dim);
  const auto list_of = [&](int64_t token) {
    return make_read_list(positions[static_cast<size_t>(token)], first_pos + token + 1);
  };
  int64_t rows_read = 0;
  for (int64_t token = 0; token < q.extent(0); ++token) {
    rows_read += list_of(token).count;
  }
  const ScoreRows score_rows(ctx, first_pos + q.extent(0));
  ctx.pool().parallel_for(q.extent(0) * heads, [&](int64_t task_idx, int thread_idx) {
    const int64_t token = task_idx / heads;
    const int64_t head = task_idx % heads;
    const ReadList list = list_of(token);
    const std::span<float> scores = score_rows.row(thread_idx, list.count);
    const float* query = q.row(token, head);
    for (int64_t i = 0; i < list.count; ++i) {
      const float* rope_key = latent_row(kv, list.at(i)) + dims.kv_lora_rank;
      const float* nope_key = expanded.row(list.at(i)) + head * head_width;
      scores[static_cast<size_t>(i)] =
          (dot(query, nope_key, nope) + dot(query + nope, rope_key, dims.qk_rope_head_dim)) *
          dims.softmax_scale;
    }
    softmax(scores);
    float* sum = out.row(token, head);
    std::fill_n(sum, dims.v_head_dim, 0.0F);
    for (int64_t i = 0; i < list.count; ++i) {
      ctx.table().add_scaled(expanded.row(list.at(i)) + head * head_width + nope,
                             scores[static_cast<size_t>(i)], dims.v_head_dim, sum);
    }
  });
  return rows_read;
}

}  // namespace levin::kernels
