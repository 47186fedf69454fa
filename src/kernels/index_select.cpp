// Index scores and top-k of a step. The unit of work is a block of query tokens of one chunk, which
// meets the pages one after the other (each page's keys are decoded once per block).
//
// With many blocks (prefill) a task does a block and its scores go straight into the streams of
// top_k.h. With few (decode) a task does a range of pages of one block, the scores go to the
// workspace, and the streams read them there, window of pages after window: the same scores in the
// same order.
#include "kernels/index_select.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "base/error.h"
#include "base/integers.h"
#include "kernels/top_k.h"
#include "kernels/workspace.h"

namespace levin::kernels {
namespace {

constexpr int64_t kBlockQueries = 16;
/// Scores that wait for the streams, of all tokens of a block together: 2 MiB, whatever the
/// context.
constexpr int64_t kWindowScores = int64_t{1} << 19;
static_assert(TopKStream::kPushScores == kPageTokens);
static_assert(kWindowScores >= kBlockQueries * kPageTokens);

struct Call {
  Context& ctx;
  const IndexQueries& queries;
  std::span<const IndexChunk> chunks;
  IndexKeyFormat key_format;
  int64_t index_topk;
  TensorView<int32_t, 2> selected;
  std::span<int32_t> counts;
};

/// Query tokens [first, first + tokens) of a chunk.
struct Block {
  const IndexChunk* chunk;
  int64_t first;
  int64_t tokens;

  /// Keys that token `i` of the block sees.
  [[nodiscard]] int64_t visible(int64_t i) const { return chunk->first_pos + first + i + 1; }
  [[nodiscard]] int64_t pages() const { return base::ceil_div(visible(tokens - 1), kPageTokens); }
  /// Keys of page `page_idx` that token `i` sees.
  [[nodiscard]] int64_t visible_in_page(int64_t i, int64_t page_idx) const {
    return std::clamp<int64_t>(visible(i) - page_idx * kPageTokens, 0, kPageTokens);
  }
  /// Row of token `i` in the step's tensors.
  [[nodiscard]] int64_t row(int64_t i) const { return chunk->first_row + first + i; }
};

/// The part of a chunk whose tokens see more than `index_topk` keys.
IndexChunk scored_part(const IndexChunk& chunk, int64_t index_topk) {
  const int64_t skip = std::clamp<int64_t>(index_topk - chunk.first_pos, 0, chunk.tokens);
  IndexChunk part = chunk;
  part.first_row += skip;
  part.tokens -= skip;
  part.first_pos += skip;
  return part;
}

int64_t block_count(const IndexChunk& chunk) { return base::ceil_div(chunk.tokens, kBlockQueries); }

Block block_at(const IndexChunk& chunk, int64_t block_idx) {
  const int64_t first = block_idx * kBlockQueries;
  return {&chunk, first, std::min(kBlockQueries, chunk.tokens - first)};
}

/// Tokens that see no more than index_topk keys get all of them.
void select_all(const Call& call, const IndexChunk& chunk) {
  const int64_t unscored = chunk.tokens - scored_part(chunk, call.index_topk).tokens;
  for (int64_t i = 0; i < unscored; ++i) {
    const int64_t visible = chunk.first_pos + i + 1;
    int32_t* selected = call.selected.row(chunk.first_row + i);
    for (int64_t pos = 0; pos < visible; ++pos) {
      selected[pos] = static_cast<int32_t>(pos);
    }
    call.counts[static_cast<size_t>(chunk.first_row + i)] = static_cast<int32_t>(visible);
  }
}

/// Asks for a page's keys before they are needed: pages lie apart, beyond the hardware's guess.
void prefetch_keys(const KvLayerView& kv, int64_t page_idx) {
  const std::byte* keys = kv.index_keys(page_idx);
  const int64_t bytes = kv.layout->scales_offset() - kv.layout->keys_offset() + kPageTokens * 4;
  for (int64_t at = 0; at < bytes; at += 64) {
    __builtin_prefetch(keys + at, 0, 2);
  }
}

/// scores [block.tokens, 64] at `stride`: the block against one page.
void score_page(const Call& call, const Block& block, int64_t page_idx, float* scores,
                int64_t stride, std::byte* scratch) {
  const KvLayerView& kv = block.chunk->kv;
  if (page_idx + 1 < block.pages()) {
    prefetch_keys(kv, page_idx + 1);
  }
  const TensorView<const Bf16, 3> q = call.queries.q.view();
  const TensorView<const float, 2> weights = call.queries.weights.view();
  call.ctx.table().index_scores_page(
      q.row(block.row(0)), weights.row(block.row(0)), block.tokens, q.extent(1), q.extent(2),
      kv.index_keys(page_idx), call.key_format, kv.key_scales(page_idx), scores, stride, scratch);
}

TopKStream take_stream(const Call& call, WorkspaceCutter& cutter) {
  const int64_t capacity = TopKStream::capacity(call.index_topk);
  const TopKStream::Buffers buffers{.scores = cutter.take<float>(capacity),
                                    .positions = cutter.take<int32_t>(capacity),
                                    .orders = cutter.take<int32_t>(capacity)};
  return {call.ctx.table(), call.index_topk, buffers};
}

int64_t stream_bytes(int64_t index_topk) {
  const int64_t capacity = TopKStream::capacity(index_topk);
  WorkspaceCutter size;
  size.take<float>(capacity);
  size.take<int32_t>(capacity);
  size.take<int32_t>(capacity);
  return size.used_bytes();
}

/// Whether so many blocks are enough to give every thread some.
bool is_shared_by_block(int64_t blocks, int64_t threads) { return blocks >= 4 * threads; }

/// Pages whose scores the workspace holds at once for a block of `tokens`.
int64_t window_pages(int64_t tokens, int64_t pages) {
  return std::min(pages, kWindowScores / (tokens * kPageTokens));
}

void finish_stream(const Call& call, const Block& block, int64_t i, TopKStream& stream) {
  stream.finish(call.selected.row(block.row(i)));
  call.counts[static_cast<size_t>(block.row(i))] = static_cast<int32_t>(call.index_topk);
}

/// Every block of every chunk is a task.
void run_blocks(const Call& call, std::span<const IndexChunk> scored, int64_t blocks) {
  const int64_t thread_bytes = kBlockQueries * stream_bytes(call.index_topk);
  std::byte* memory = call.ctx.workspace(thread_bytes * call.ctx.pool().thread_count());
  call.ctx.pool().parallel_for(blocks, [&](int64_t block_idx, int thread_idx) {
    const IndexChunk* chunk = scored.data();
    while (block_idx >= block_count(*chunk)) {
      block_idx -= block_count(*chunk);
      ++chunk;
    }
    const Block block = block_at(*chunk, block_idx);
    WorkspaceCutter cutter(memory + thread_idx * thread_bytes);
    std::vector<TopKStream> streams;
    for (int64_t i = 0; i < block.tokens; ++i) {
      streams.push_back(take_stream(call, cutter));
    }
    alignas(64) float scores[kBlockQueries * kPageTokens];
    for (int64_t page_idx = 0; page_idx < block.pages(); ++page_idx) {
      score_page(call, block, page_idx, scores, kPageTokens, call.ctx.scratch(thread_idx));
      for (int64_t i = 0; i < block.tokens; ++i) {
        streams[i].push(scores + i * kPageTokens, block.visible_in_page(i, page_idx),
                        page_idx * kPageTokens);
      }
    }
    for (int64_t i = 0; i < block.tokens; ++i) {
      finish_stream(call, block, i, streams[i]);
    }
  });
}

/// One block, the pages of a window in parallel, then its streams.
void run_pages(const Call& call, const Block& block) {
  constexpr int64_t kMinTaskPages = 8;
  const int64_t threads = call.ctx.pool().thread_count();
  const int64_t window = window_pages(block.tokens, block.pages());
  const int64_t stride = window * kPageTokens;
  const int64_t scores_bytes = block.tokens * stride * static_cast<int64_t>(sizeof(float));
  WorkspaceCutter cutter(
      call.ctx.workspace(scores_bytes + block.tokens * stream_bytes(call.index_topk)));
  auto* scores = cutter.take<float>(block.tokens * stride);  // [block tokens, window * 64]
  std::vector<TopKStream> streams;
  for (int64_t i = 0; i < block.tokens; ++i) {
    streams.push_back(take_stream(call, cutter));
  }
  for (int64_t first_page = 0; first_page < block.pages(); first_page += window) {
    const int64_t pages = std::min(window, block.pages() - first_page);
    const int64_t task_pages = std::max(kMinTaskPages, pages / (4 * threads));
    const int64_t tasks = base::ceil_div(pages, task_pages);
    call.ctx.pool().parallel_for(tasks, [&](int64_t task_idx, int thread_idx) {
      const int64_t end = std::min(pages, (task_idx + 1) * task_pages);
      for (int64_t page = task_idx * task_pages; page < end; ++page) {
        score_page(call, block, first_page + page, scores + page * kPageTokens, stride,
                   call.ctx.scratch(thread_idx));
      }
    });
    call.ctx.pool().parallel_for(block.tokens, [&](int64_t i, int /*thread_idx*/) {
      for (int64_t page = 0; page < pages; ++page) {
        streams[i].push(scores + i * stride + page * kPageTokens,
                        block.visible_in_page(i, first_page + page),
                        (first_page + page) * kPageTokens);
      }
    });
  }
  call.ctx.pool().parallel_for(block.tokens, [&](int64_t i, int /*thread_idx*/) {
    finish_stream(call, block, i, streams[i]);
  });
}

/// Scores of every visible key of every token of the chunk, 0 elsewhere.
void write_scores(const Call& call, const IndexChunk& chunk, TensorView<float, 2> scores) {
  call.ctx.pool().parallel_for(block_count(chunk), [&](int64_t block_idx, int thread_idx) {
    const Block block = block_at(chunk, block_idx);
    alignas(64) float page_scores[kBlockQueries * kPageTokens];
    for (int64_t i = 0; i < block.tokens; ++i) {
      std::fill_n(scores.row(block.first + i), scores.extent(1), 0.0F);
    }
    for (int64_t page_idx = 0; page_idx < block.pages(); ++page_idx) {
      score_page(call, block, page_idx, page_scores, kPageTokens, call.ctx.scratch(thread_idx));
      for (int64_t i = 0; i < block.tokens; ++i) {
        std::copy_n(page_scores + i * kPageTokens, block.visible_in_page(i, page_idx),
                    scores.row(block.first + i) + page_idx * kPageTokens);
      }
    }
  });
}

}  // namespace

int64_t select_workspace_bytes(int64_t tokens, int64_t kv_tokens, int64_t index_topk, int threads) {
  const int64_t queries = std::min(tokens, kBlockQueries);
  const int64_t pages = base::ceil_div(kv_tokens, kPageTokens);
  const int64_t stream = stream_bytes(index_topk);
  const int64_t window = queries == 0 ? 0 : queries * window_pages(queries, pages) * kPageTokens;
  const int64_t by_page = window * static_cast<int64_t>(sizeof(float)) + queries * stream;
  const int64_t blocks = base::ceil_div(tokens, kBlockQueries);
  const int64_t by_block =
      is_shared_by_block(blocks, threads) ? threads * kBlockQueries * stream : 0;
  return std::max(by_page, by_block);
}

void select_top_k(Context& ctx, const IndexQueries& queries, std::span<const IndexChunk> chunks,
                  IndexKeyFormat key_format, int64_t index_topk, TensorView<int32_t, 2> selected,
                  std::span<int32_t> counts, TensorView<float, 2>* scores) {
  LEVIN_CHECK(index_topk > 0 && selected.extent(1) == index_topk);
  LEVIN_CHECK(std::ssize(counts) == selected.extent(0));
  const Call call{ctx, queries, chunks, key_format, index_topk, selected, counts};
  std::vector<IndexChunk> scored;
  int64_t blocks = 0;
  for (const IndexChunk& chunk : chunks) {
    LEVIN_CHECK(chunk.first_row + chunk.tokens <= selected.extent(0));
    LEVIN_CHECK(chunk.kv.layout->index_head_dim == queries.q.view().extent(2));
    select_all(call, chunk);
    scored.push_back(scored_part(chunk, index_topk));
    blocks += block_count(scored.back());
  }
  if (is_shared_by_block(blocks, ctx.pool().thread_count())) {
    run_blocks(call, scored, blocks);
  } else {
    for (const IndexChunk& chunk : scored) {
      for (int64_t block_idx = 0; block_idx < block_count(chunk); ++block_idx) {
        run_pages(call, block_at(chunk, block_idx));
      }
    }
  }
  if (scores != nullptr) {
    LEVIN_CHECK(std::ssize(chunks) == 1);
    LEVIN_CHECK(scores->extent(0) == chunks[0].tokens);
    LEVIN_CHECK(scores->extent(1) >= chunks[0].first_pos + chunks[0].tokens);
    write_scores(call, chunks[0], *scores);
  }
}

}  // namespace levin::kernels
