// Absorbed (MQA) attention: the heads of a token are the queries of attention_tile.
//
// The unit of work is a (token, group of heads). Its list of rows is cut in splits whose size
// depends on the length of the list alone; every split yields (max, sum, out), and these are merged
// in order. With many units (prefill) a task does a unit, split after split; with few (decode) a
// task does a split. The arithmetic is the same, hence the bits.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/integers.h"
#include "kernels/attention.h"
#include "kernels/attention_checks.h"
#include "kernels/workspace.h"

namespace levin::kernels {
namespace {

// A split is long enough to make its merge cheap (about 5% of its time), and there are at most
// kMaxSplits, which bounds the memory of their results.
constexpr int64_t kMinSplitRows = 512;
constexpr int64_t kMaxSplits = 16;

int64_t split_rows(int64_t rows) {
  const int64_t shortest = base::round_up(base::ceil_div(rows, kMaxSplits), kAttentionTileKeys);
  return std::max(kMinSplitRows, shortest);
}

/// What streaming softmax knows after some rows.
struct Partial {
  float* row_max;  // [heads]
  float* row_sum;  // [heads]
  float* out;      // [heads, kv_lora_rank]
};

/// One token and a group of at most kAttentionTileQueries heads.
struct Unit {
  int64_t token;
  int64_t first_head;
  int64_t heads;
  int64_t rows;  // of the token's list
  int64_t splits;
};

struct Call {
  Context& ctx;
  TensorView<const float, 3> q;
  std::span<const AbsorbedQuery> queries;
  const MlaDims& dims;
  TensorView<float, 3> out;

  [[nodiscard]] int64_t groups() const {
    return base::ceil_div(dims.num_attention_heads, kAttentionTileQueries);
  }
  [[nodiscard]] int64_t units() const { return q.extent(0) * groups(); }
  [[nodiscard]] int64_t row_dim() const { return dims.kv_lora_rank + dims.qk_rope_head_dim; }
  /// Heads of the largest group.
  [[nodiscard]] int64_t group_heads() const {
    return std::min(dims.num_attention_heads, kAttentionTileQueries);
  }

  [[nodiscard]] Unit unit(int64_t unit_idx) const {
    Unit unit{};
    unit.token = unit_idx / groups();
    unit.first_head = unit_idx % groups() * kAttentionTileQueries;
    unit.heads = std::min(kAttentionTileQueries, dims.num_attention_heads - unit.first_head);
    const AbsorbedQuery& query = queries[static_cast<size_t>(unit.token)];
    unit.rows = query.positions.empty() ? query.kv_tokens : std::ssize(query.positions);
    unit.splits = base::ceil_div(unit.rows, split_rows(unit.rows));
    return unit;
  }

  [[nodiscard]] Bf16* take_packed_q(WorkspaceCutter& cutter) const {
    return cutter.take<Bf16>(base::round_up(group_heads(), 16) * base::round_up(row_dim(), 2));
  }
  [[nodiscard]] Partial take_partial(WorkspaceCutter& cutter) const {
    return {cutter.take<float>(group_heads()), cutter.take<float>(group_heads()),
            cutter.take<float>(group_heads() * dims.kv_lora_rank)};
  }
};

void pack_unit(const Call& call, const Unit& unit, Bf16* packed_q) {
  call.ctx.table().pack_queries(call.q.row(unit.token, unit.first_head), call.q.stride(1),
                                unit.heads, call.row_dim(), packed_q);
}

/// Pointers to rows [begin, begin + count) of the query's list.
void gather_rows(const AbsorbedQuery& query, int64_t begin, int64_t count, const Bf16** rows) {
  for (int64_t i = 0; i < count; ++i) {
    const int64_t pos =
        query.positions.empty() ? begin + i : query.positions[static_cast<size_t>(begin + i)];
    rows[i] = reinterpret_cast<const Bf16*>(query.kv.latent_row(pos));
  }
}

/// One split of a unit, from an empty state.
void attend_split(const Call& call, const Unit& unit, int64_t split_idx, const Bf16* packed_q,
                  const Partial& partial, std::byte* scratch) {
  std::fill_n(partial.row_max, unit.heads, -std::numeric_limits<float>::infinity());
  std::fill_n(partial.row_sum, unit.heads, 0.0F);
  std::fill_n(partial.out, unit.heads * call.dims.kv_lora_rank, 0.0F);
  const AbsorbedQuery& query = call.queries[static_cast<size_t>(unit.token)];
  const int64_t end = std::min(unit.rows, (split_idx + 1) * split_rows(unit.rows));
  const Bf16* rows[2][kAttentionTileKeys];  // of this tile and of the next one, taking turns
  AttentionTile tile;
  tile.q = packed_q;
  tile.queries = unit.heads;
  tile.qk_dim = call.row_dim();
  tile.v_dim = call.dims.kv_lora_rank;
  tile.scale = call.dims.softmax_scale;
  tile.row_max = partial.row_max;
  tile.row_sum = partial.row_sum;
  tile.out = partial.out;
  const int64_t begin = split_idx * split_rows(unit.rows);
  tile.next_keys = std::min(kAttentionTileKeys, end - begin);
  gather_rows(query, begin, tile.next_keys, rows[0]);
  int turn = 0;
  for (int64_t row = begin; row < end; row += kAttentionTileKeys) {
    tile.keys = tile.next_keys;
    tile.key_rows = rows[turn];
    tile.value_rows = rows[turn];
    turn = 1 - turn;
    tile.next_keys = std::clamp<int64_t>(end - row - kAttentionTileKeys, 0, kAttentionTileKeys);
    gather_rows(query, row + kAttentionTileKeys, tile.next_keys, rows[turn]);
    tile.next_key_rows = rows[turn];
    call.ctx.table().attention_tile(tile, scratch);
  }
}

/// Merges `from` into `into`; the content of `from` is lost.
void merge(const Call& call, int64_t first_head, int64_t heads, const Partial& into,
           const Partial& from) {
  const int64_t width = call.dims.kv_lora_rank;
  for (int64_t head = first_head; head < first_head + heads; ++head) {
    float* into_out = into.out + head * width;
    float* from_out = from.out + head * width;
    if (from.row_max[head] <= into.row_max[head]) {
      const float factor = std::exp(from.row_max[head] - into.row_max[head]);
      into.row_sum[head] += factor * from.row_sum[head];
      call.ctx.table().add_scaled(from_out, factor, width, into_out);
    } else {
      const float factor = std::exp(into.row_max[head] - from.row_max[head]);
      into.row_sum[head] = from.row_sum[head] + factor * into.row_sum[head];
      into.row_max[head] = from.row_max[head];
      call.ctx.table().add_scaled(into_out, factor, width, from_out);
      std::copy_n(from_out, width, into_out);
    }
  }
}

void write_heads(const Call& call, const Unit& unit, int64_t first_head, int64_t heads,
                 const Partial& partial) {
  const int64_t width = call.dims.kv_lora_rank;
  for (int64_t head = first_head; head < first_head + heads; ++head) {
    const float* from = partial.out + head * width;
    float* to = call.out.row(unit.token, unit.first_head + head);
    const float factor = 1.0F / partial.row_sum[head];
    for (int64_t i = 0; i < width; ++i) {
      to[i] = from[i] * factor;
    }
  }
}

/// Every unit is one task.
void run_units(const Call& call) {
  struct ThreadState {
    Bf16* packed_q;
    Partial total;
    Partial split;
  };
  const auto cut = [&](std::byte* memory, int64_t thread_bytes, int thread_idx) {
    WorkspaceCutter cutter(memory == nullptr ? nullptr : memory + thread_idx * thread_bytes);
    const ThreadState state{call.take_packed_q(cutter), call.take_partial(cutter),
                            call.take_partial(cutter)};
    return std::pair(state, cutter.used_bytes());
  };
  const int64_t thread_bytes = cut(nullptr, 0, 0).second;
  std::byte* memory = call.ctx.workspace(thread_bytes * call.ctx.pool().thread_count());
  call.ctx.pool().parallel_for(call.units(), [&](int64_t unit_idx, int thread_idx) {
    const ThreadState state = cut(memory, thread_bytes, thread_idx).first;
    const Unit unit = call.unit(unit_idx);
    pack_unit(call, unit, state.packed_q);
    for (int64_t split_idx = 0; split_idx < unit.splits; ++split_idx) {
      const Partial& target = split_idx == 0 ? state.total : state.split;
      attend_split(call, unit, split_idx, state.packed_q, target, call.ctx.scratch(thread_idx));
      if (split_idx > 0) {
        merge(call, 0, unit.heads, state.total, state.split);
      }
    }
    write_heads(call, unit, 0, unit.heads, state.total);
  });
}

/// Units [first_unit, end_unit), every split of theirs a task; then the merges, heads in parallel.
void run_splits(const Call& call, int64_t first_unit, int64_t end_unit) {
  constexpr int64_t kMergeHeads = 16;
  const int threads = call.ctx.pool().thread_count();
  int64_t tasks = 0;
  for (int64_t unit_idx = first_unit; unit_idx < end_unit; ++unit_idx) {
    tasks += call.unit(unit_idx).splits;
  }
  WorkspaceCutter packed_size;
  (void)call.take_packed_q(packed_size);
  WorkspaceCutter partial_size;
  (void)call.take_partial(partial_size);
  std::byte* packed_memory =
      call.ctx.workspace(threads * packed_size.used_bytes() + tasks * partial_size.used_bytes());
  std::byte* partial_memory = packed_memory + threads * packed_size.used_bytes();
  const auto partial_of = [&](int64_t task_idx) {
    WorkspaceCutter cutter(partial_memory + task_idx * partial_size.used_bytes());
    return call.take_partial(cutter);
  };

  call.ctx.pool().parallel_for(tasks, [&](int64_t task_idx, int thread_idx) {
    int64_t unit_idx = first_unit;
    int64_t split_idx = task_idx;
    while (split_idx >= call.unit(unit_idx).splits) {
      split_idx -= call.unit(unit_idx).splits;
      ++unit_idx;
    }
    const Unit unit = call.unit(unit_idx);
    WorkspaceCutter cutter(packed_memory + thread_idx * packed_size.used_bytes());
    Bf16* packed_q = call.take_packed_q(cutter);
    pack_unit(call, unit, packed_q);
    attend_split(call, unit, split_idx, packed_q, partial_of(task_idx),
                 call.ctx.scratch(thread_idx));
  });

  const int64_t unit_blocks = base::ceil_div(call.group_heads(), kMergeHeads);
  call.ctx.pool().parallel_for((end_unit - first_unit) * unit_blocks, [&](int64_t task_idx, int) {
    int64_t first_task = 0;
    int64_t unit_idx = first_unit;
    for (; unit_idx < first_unit + task_idx / unit_blocks; ++unit_idx) {
      first_task += call.unit(unit_idx).splits;
    }
    const Unit unit = call.unit(unit_idx);
    const int64_t first_head = task_idx % unit_blocks * kMergeHeads;
    const int64_t heads = std::clamp<int64_t>(unit.heads - first_head, 0, kMergeHeads);
    const Partial total = partial_of(first_task);
    for (int64_t split_idx = 1; split_idx < unit.splits; ++split_idx) {
      merge(call, first_head, heads, total, partial_of(first_task + split_idx));
    }
    write_heads(call, unit, first_head, heads, total);
  });
}

}  // namespace

int64_t absorbed_attention(Context& ctx, TensorView<const float, 3> q,
                           std::span<const AbsorbedQuery> queries, const MlaDims& dims,
                           TensorView<float, 3> out) {
  const Call call{ctx, q, queries, dims, out};
  LEVIN_CHECK(std::ssize(queries) == q.extent(0) && q.extent(0) == out.extent(0));
  LEVIN_CHECK(q.extent(1) == dims.num_attention_heads && q.extent(2) == call.row_dim());
  LEVIN_CHECK(out.extent(1) == dims.num_attention_heads && out.extent(2) == dims.kv_lora_rank);
  check_tile_dims(call.row_dim(), dims.kv_lora_rank);
  int64_t rows_read = 0;
  for (const AbsorbedQuery& query : queries) {
    LEVIN_CHECK(query.kv.layout->latent_bytes == 2);
    LEVIN_CHECK(query.kv.layout->kv_row_dim == call.row_dim());
    LEVIN_CHECK(query.kv_tokens > 0);
    rows_read += query.positions.empty() ? query.kv_tokens : std::ssize(query.positions);
  }
  const int64_t threads = ctx.pool().thread_count();
  if (call.units() >= 8 * threads) {  // enough to share them out evenly
    run_units(call);
    return rows_read;
  }
  // Windows of units bound the memory of the partial results and still feed every thread.
  for (int64_t unit_idx = 0; unit_idx < call.units();) {
    const int64_t first_unit = unit_idx;
    int64_t tasks = 0;
    while (unit_idx < call.units() && tasks < 4 * threads) {
      tasks += call.unit(unit_idx).splits;
      ++unit_idx;
    }
    run_splits(call, first_unit, unit_idx);
  }
  return rows_read;
}

}  // namespace levin::kernels
