// Expanded (MHA) attention for prefill: a task is a head of a group of chunks. Block by block of
// cached tokens it expands the head's keys and values from the latents, and every query block that
// may read them meets them in tiles: first the queries of all chunks those blocks that the chunks
// share, then each chunk its own. The streaming-softmax state of all the group's queries lies in
// the workspace.
#include <algorithm>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "base/integers.h"
#include "kernels/attention.h"
#include "kernels/attention_checks.h"
#include "kernels/workspace.h"

namespace levin::kernels {
namespace {

/// Chunks in neighbouring rows whose first `shared` tokens lie in the same pages.
struct Group {
  std::span<const ExpandedChunk> chunks;
  int64_t shared = 0;  ///< whole blocks, before every chunk

  [[nodiscard]] int64_t first_row() const { return chunks.front().first_row; }
  [[nodiscard]] int64_t tokens() const {
    return chunks.back().first_row + chunks.back().tokens - first_row();
  }
};

struct Call {
  Context& ctx;
  TensorView<const float, 3> q;  // rows of the group
  const Group& group;
  const WeightMatrix& kv_b_proj;
  const MlaDims& dims;
  TensorView<float, 3> out;  // rows of the group

  [[nodiscard]] int64_t tokens() const { return q.extent(0); }
  [[nodiscard]] int64_t qk_dim() const { return dims.qk_nope_head_dim + dims.qk_rope_head_dim; }
  [[nodiscard]] int64_t expanded_dim() const { return dims.qk_nope_head_dim + dims.v_head_dim; }
  /// Numbers of one packed query block.
  [[nodiscard]] int64_t packed_size() const {
    return kAttentionTileQueries * base::round_up(qk_dim(), 2);
  }
};

/// Queries at work together: rows [first, first + tokens) of the group. Query i reads the positions
/// below `first_limit + i`, as far as the span of keys goes.
struct QueryRows {
  int64_t first = 0;
  int64_t tokens = 0;
  int64_t first_limit = 0;

  [[nodiscard]] int64_t blocks() const { return base::ceil_div(tokens, kAttentionTileQueries); }
};

/// What one thread keeps while it works on a head.
struct HeadState {
  Bf16* packed_q;   // [query blocks, packed block] of the rows at work
  float* row_max;   // [tokens]
  float* row_sum;   // [tokens]
  float* out;       // [tokens, v_head_dim]
  Bf16* latents;    // [kExpandedBlockTokens, kv_lora_rank]
  float* expanded;  // [kExpandedBlockTokens, nope + v]
  Bf16* keys;       // [kExpandedBlockTokens, nope + rope]
  Bf16* values;     // [kExpandedBlockTokens, v_head_dim]
};

HeadState cut_state(const Call& call, WorkspaceCutter& cutter) {
  const int64_t v_dim = call.dims.v_head_dim;
  HeadState state{};
  state.packed_q =
      cutter.take<Bf16>(base::ceil_div(call.tokens(), kAttentionTileQueries) * call.packed_size());
  state.row_max = cutter.take<float>(call.tokens());
  state.row_sum = cutter.take<float>(call.tokens());
  state.out = cutter.take<float>(call.tokens() * v_dim);
  state.latents = cutter.take<Bf16>(kExpandedBlockTokens * call.dims.kv_lora_rank);
  state.expanded = cutter.take<float>(kExpandedBlockTokens * call.expanded_dim());
  state.keys = cutter.take<Bf16>(kExpandedBlockTokens * call.qk_dim());
  state.values = cutter.take<Bf16>(kExpandedBlockTokens * v_dim);
  return state;
}

void start_head(const Call& call, const HeadState& state) {
  std::fill_n(state.row_max, call.tokens(), -std::numeric_limits<float>::infinity());
  std::fill_n(state.row_sum, call.tokens(), 0.0F);
  std::fill_n(state.out, call.tokens() * call.dims.v_head_dim, 0.0F);
}

void pack(const Call& call, int64_t head, const QueryRows& rows, const HeadState& state) {
  for (int64_t block = 0; block < rows.blocks(); ++block) {
    const int64_t first = block * kAttentionTileQueries;
    call.ctx.table().pack_queries(call.q.row(rows.first + first, head), call.q.stride(0),
                                  std::min(kAttentionTileQueries, rows.tokens - first),
                                  call.qk_dim(), state.packed_q + block * call.packed_size());
  }
}

/// Keys and values of the head for the cached tokens [block_pos, block_pos + count).
void expand_block(const Call& call, int64_t head, const KvLayerView& kv, int64_t block_pos,
                  int64_t count, const HeadState& state, std::byte* scratch) {
  const OpTable& table = call.ctx.table();
  const MlaDims& dims = call.dims;
  const int64_t rank = dims.kv_lora_rank;
  const int64_t nope = dims.qk_nope_head_dim;
  const auto latent_row = [&](int64_t i) {
    return reinterpret_cast<const Bf16*>(kv.latent_row(block_pos + i));
  };
  for (int64_t i = 0; i < count; ++i) {
    std::memcpy(state.latents + i * rank, latent_row(i), static_cast<size_t>(rank) * sizeof(Bf16));
  }
  table.matmul(call.kv_b_proj.slice_rows(head * call.expanded_dim(), call.expanded_dim()),
               state.latents, rank, count, state.expanded, call.expanded_dim(), scratch);
  for (int64_t i = 0; i < count; ++i) {
    const float* expanded = state.expanded + i * call.expanded_dim();
    Bf16* key = state.keys + i * call.qk_dim();
    table.f32_to_bf16(expanded, key, nope);
    std::memcpy(key + nope, latent_row(i) + rank,
                static_cast<size_t>(dims.qk_rope_head_dim) * sizeof(Bf16));
    table.f32_to_bf16(expanded + nope, state.values + i * dims.v_head_dim, dims.v_head_dim);
  }
}

/// The queries of one block meet one tile of keys, `tile_idx`-th of the expanded block.
void attend_tile(const Call& call, const QueryRows& rows, int64_t query_block, int64_t block_pos,
                 int64_t tile_idx, int64_t keys, const HeadState& state, std::byte* scratch) {
  const int64_t first_query = query_block * kAttentionTileQueries;
  const int64_t tile_pos = block_pos + tile_idx * kAttentionTileKeys;
  AttentionTile tile;
  tile.queries = std::min(kAttentionTileQueries, rows.tokens - first_query);
  const int64_t first_limit = rows.first_limit + first_query - tile_pos;
  if (first_limit + tile.queries <= 1) {
    return;  // later than every query of the block
  }
  const Bf16* key_rows[kAttentionTileKeys];
  const Bf16* value_rows[kAttentionTileKeys];
  int32_t key_limits[kAttentionTileQueries];
  for (int64_t i = 0; i < keys; ++i) {
    const int64_t row = tile_idx * kAttentionTileKeys + i;
    key_rows[i] = state.keys + row * call.qk_dim();
    value_rows[i] = state.values + row * call.dims.v_head_dim;
  }
  if (first_limit < keys) {
    for (int64_t i = 0; i < tile.queries; ++i) {
      key_limits[i] = static_cast<int32_t>(std::clamp<int64_t>(first_limit + i, 0, keys));
    }
    tile.key_limits = key_limits;
  }
  tile.q = state.packed_q + query_block * call.packed_size();
  tile.qk_dim = call.qk_dim();
  tile.v_dim = call.dims.v_head_dim;
  tile.key_rows = key_rows;
  tile.value_rows = value_rows;
  tile.keys = keys;
  tile.scale = call.dims.softmax_scale;
  tile.row_max = state.row_max + rows.first + first_query;
  tile.row_sum = state.row_sum + rows.first + first_query;
  tile.out = state.out + (rows.first + first_query) * call.dims.v_head_dim;
  call.ctx.table().attention_tile(tile, scratch);
}

/// The rows read the cached tokens [begin, end) of `kv`; `begin` is a multiple of the block.
/// Returns how many tokens were expanded.
int64_t attend_span(const Call& call, int64_t head, const QueryRows& rows, const KvLayerView& kv,
                    int64_t begin, int64_t end, const HeadState& state, std::byte* scratch) {
  pack(call, head, rows, state);
  for (int64_t block_pos = begin; block_pos < end; block_pos += kExpandedBlockTokens) {
    const int64_t count = std::min(kExpandedBlockTokens, end - block_pos);
    expand_block(call, head, kv, block_pos, count, state, scratch);
    for (int64_t query_block = 0; query_block < rows.blocks(); ++query_block) {
      for (int64_t first = 0; first < count; first += kAttentionTileKeys) {
        attend_tile(call, rows, query_block, block_pos, first / kAttentionTileKeys,
                    std::min(kAttentionTileKeys, count - first), state, scratch);
      }
    }
  }
  return end - begin;
}

/// Returns how many tokens were expanded.
int64_t run_head(const Call& call, int64_t head, const HeadState& state, std::byte* scratch) {
  const Group& group = call.group;
  start_head(call, state);
  int64_t expanded = 0;
  if (group.shared > 0) {
    expanded += attend_span(call, head, {.tokens = call.tokens(), .first_limit = group.shared},
                            group.chunks.front().kv, 0, group.shared, state, scratch);
  }
  for (const ExpandedChunk& chunk : group.chunks) {
    expanded += attend_span(call, head,
                            {.first = chunk.first_row - group.first_row(),
                             .tokens = chunk.tokens,
                             .first_limit = chunk.first_pos + 1},
                            chunk.kv, group.shared, chunk.first_pos + chunk.tokens, state, scratch);
  }
  for (int64_t token = 0; token < call.tokens(); ++token) {
    const float* from = state.out + token * call.dims.v_head_dim;
    float* to = call.out.row(token, head);
    const float factor = 1.0F / state.row_sum[token];
    for (int64_t i = 0; i < call.dims.v_head_dim; ++i) {
      to[i] = from[i] * factor;
    }
  }
  return expanded;
}

/// How many tokens before both chunks lie in the same pages: whole blocks of them.
int64_t shared_tokens(const ExpandedChunk& a, const ExpandedChunk& b) {
  const int64_t most = std::min(a.first_pos, b.first_pos) / kExpandedBlockTokens *
                       (kExpandedBlockTokens / kPageTokens);
  int64_t page_idx = 0;
  while (page_idx < most && a.kv.page(page_idx) == b.kv.page(page_idx)) {
    ++page_idx;
  }
  return page_idx * kPageTokens / kExpandedBlockTokens * kExpandedBlockTokens;
}

/// The first chunks that go together: the next one joins if it lies in the next rows and saves at
/// least as many expansions as the others lose by it.
Group first_group(std::span<const ExpandedChunk> chunks) {
  Group group{.chunks = chunks.first(1)};
  for (size_t count = 1; count < chunks.size(); ++count) {
    const ExpandedChunk& last = chunks[count - 1];
    const ExpandedChunk& next = chunks[count];
    if (next.first_row != last.first_row + last.tokens) {
      break;
    }
    const int64_t common = shared_tokens(last, next);
    const int64_t shared = count == 1 ? common : std::min(group.shared, common);
    const auto savers = static_cast<int64_t>(count);  // all but one, with the next
    if (shared == 0 || savers * shared < (savers - 1) * group.shared) {
      break;
    }
    group = {.chunks = chunks.first(count + 1), .shared = shared};
  }
  return group;
}

void check(const ExpandedChunk& chunk, const MlaDims& dims) {
  LEVIN_CHECK(chunk.tokens > 0);
  LEVIN_CHECK(chunk.kv.layout->latent_bytes == 2);
  LEVIN_CHECK(chunk.kv.layout->kv_row_dim == dims.kv_lora_rank + dims.qk_rope_head_dim);
}

/// Returns how many tokens were expanded.
int64_t run_group(const Call& call) {
  WorkspaceCutter size;
  (void)cut_state(call, size);
  const int64_t thread_bytes = size.used_bytes();
  Context& ctx = call.ctx;
  std::byte* memory = ctx.workspace(thread_bytes * ctx.pool().thread_count());
  int64_t expanded = 0;
  ctx.pool().parallel_for(call.dims.num_attention_heads, [&](int64_t head, int thread_idx) {
    WorkspaceCutter cutter(memory + thread_idx * thread_bytes);
    const int64_t count = run_head(call, head, cut_state(call, cutter), ctx.scratch(thread_idx));
    if (head == 0) {
      expanded = count;  // as every head
    }
  });
  return expanded;
}

}  // namespace

int64_t expanded_attention(Context& ctx, TensorView<const float, 3> q,
                           std::span<const ExpandedChunk> chunks, const WeightMatrix& kv_b_proj,
                           const MlaDims& dims, TensorView<float, 3> out) {
  const int64_t qk_dim = dims.qk_nope_head_dim + dims.qk_rope_head_dim;
  LEVIN_CHECK(q.extent(1) == dims.num_attention_heads && q.extent(2) == qk_dim);
  LEVIN_CHECK(out.extent(0) == q.extent(0) && out.extent(1) == q.extent(1));
  LEVIN_CHECK(out.extent(2) == dims.v_head_dim);
  LEVIN_CHECK(kv_b_proj.rows ==
              dims.num_attention_heads * (dims.qk_nope_head_dim + dims.v_head_dim));
  LEVIN_CHECK(kv_b_proj.cols == dims.kv_lora_rank);
  check_tile_dims(qk_dim, dims.v_head_dim);
  for (const ExpandedChunk& chunk : chunks) {
    check(chunk, dims);
  }
  int64_t rows = 0;
  while (!chunks.empty()) {
    const Group group = first_group(chunks);
    rows += run_group({ctx, q.rows(group.first_row(), group.tokens()), group, kv_b_proj, dims,
                       out.rows(group.first_row(), group.tokens())});
    chunks = chunks.subspan(group.chunks.size());
  }
  return rows;
}

}  // namespace levin::kernels
