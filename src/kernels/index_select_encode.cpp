// Index keys and queries: Hadamard transform, FP8 rounding, the layout of the cache.
#include <algorithm>

#include "base/error.h"
#include "base/integers.h"
#include "kernels/index_row_dim.h"
#include "kernels/index_select.h"

namespace levin::kernels {
namespace {

/// E4M3 codes as bf16: every finite one is a normal number or zero.
constexpr std::array<Bf16, 256> make_bf16_of_e4m3() {
  std::array<Bf16, 256> table{};
  for (size_t code = 0; code < table.size(); ++code) {
    table[code] = base::to_bf16(base::kE4m3Values[code]);
  }
  return table;
}
constexpr std::array<Bf16, 256> kBf16OfE4m3 = make_bf16_of_e4m3();

void check_encoding(const IndexEncoding& encoding, int64_t dim) {
  LEVIN_CHECK(dim > 0 && dim % 2 == 0);
  if (dim > kMaxIndexHeadDim) {
    base::throw_error(base::ErrorCode::kUnsupported, "index_head_dim",
                      "at most {} is supported, the model has {}", kMaxIndexHeadDim, dim);
  }
  if (encoding.key_format == IndexKeyFormat::kBf16) {
    LEVIN_CHECK(!encoding.hadamard);
  } else if (encoding.hadamard && (dim & (dim - 1)) != 0) {
    base::throw_error(base::ErrorCode::kUnsupported, "index_head_dim",
                      "the Hadamard transform needs a power of two, the model has {}", dim);
  }
}

/// Puts one row's features at `slot` of the page's keys, [dim/2, 64, 2].
template <typename T>
void scatter_row(const T* row, int64_t dim, int64_t slot, T* page_keys) {
  for (int64_t i = 0; i < dim; i += 2) {
    T* pair = page_keys + i * kPageTokens + slot * 2;
    pair[0] = row[i];
    pair[1] = row[i + 1];
  }
}

void store_index_key(Context& ctx, const float* key, int64_t dim, const IndexEncoding& encoding,
                     const KvLayerView& kv, int64_t pos) {
  const int64_t page_idx = pos / kPageTokens;
  const int64_t slot = pos % kPageTokens;
  float scale = 1.0F;
  if (encoding.key_format == IndexKeyFormat::kE4m3) {
    uint8_t codes[kMaxIndexHeadDim];
    scale = ctx.table().quantize_index_row(key, dim, encoding.hadamard, encoding.power_of_two_scale,
                                           codes);
    scatter_row(codes, dim, slot, reinterpret_cast<uint8_t*>(kv.index_keys(page_idx)));
  } else {
    Bf16 row[kMaxIndexHeadDim];
    ctx.table().f32_to_bf16(key, row, dim);
    scatter_row(row, dim, slot, reinterpret_cast<Bf16*>(kv.index_keys(page_idx)));
  }
  kv.key_scales(page_idx)[slot] = scale;
}

}  // namespace

void store_index_keys(Context& ctx, TensorView<const float, 2> keys, const IndexEncoding& encoding,
                      const KvLayerView& kv, int64_t first_pos) {
  const int64_t dim = keys.extent(1);
  check_encoding(encoding, dim);
  LEVIN_CHECK(dim == kv.layout->index_head_dim);
  LEVIN_CHECK(kv.layout->index_key_bytes == (encoding.key_format == IndexKeyFormat::kE4m3 ? 1 : 2));
  // A task is a page, so that no two threads write to one cache line.
  const int64_t first_page = first_pos / kPageTokens;
  const int64_t end_pos = first_pos + keys.extent(0);
  const int64_t pages = base::ceil_div(end_pos, kPageTokens) - first_page;
  ctx.pool().parallel_for(pages, [&](int64_t task_idx, int /*thread_idx*/) {
    const int64_t page_pos = (first_page + task_idx) * kPageTokens;
    for (int64_t pos = std::max(page_pos, first_pos);
         pos < std::min(page_pos + kPageTokens, end_pos); ++pos) {
      store_index_key(ctx, keys.row(pos - first_pos), dim, encoding, kv, pos);
    }
  });
}

void encode_index_queries(Context& ctx, TensorView<const float, 3> q,
                          TensorView<const float, 2> weights, const IndexEncoding& encoding,
                          IndexQueries& out) {
  const int64_t heads = q.extent(1);
  const int64_t dim = q.extent(2);
  check_encoding(encoding, dim);
  if (heads * dim > kMaxIndexQuerySize) {
    base::throw_error(base::ErrorCode::kUnsupported, "index_n_heads",
                      "{} heads of {} numbers: at most {} numbers are supported", heads, dim,
                      kMaxIndexQuerySize);
  }
  LEVIN_CHECK(weights.extent(0) == q.extent(0) && weights.extent(1) == heads);
  out.q.resize(q.extents());
  out.weights.resize(weights.extents());
  const TensorView<Bf16, 3> out_q = out.q.view();
  const TensorView<float, 2> out_weights = out.weights.view();
  ctx.pool().parallel_for(q.extent(0), [&](int64_t token, int /*thread_idx*/) {
    for (int64_t head = 0; head < heads; ++head) {
      float scale = 1.0F;
      Bf16* row = out_q.row(token, head);
      if (encoding.key_format == IndexKeyFormat::kE4m3) {
        uint8_t codes[kMaxIndexHeadDim];
        scale = ctx.table().quantize_index_row(q.row(token, head), dim, encoding.hadamard,
                                               encoding.power_of_two_scale, codes);
        for (int64_t i = 0; i < dim; ++i) {
          row[i] = kBf16OfE4m3[codes[i]];
        }
      } else {
        ctx.table().f32_to_bf16(q.row(token, head), row, dim);
      }
      out_weights.row(token)[head] = weights.row(token)[head] * scale;
    }
  });
}

}  // namespace levin::kernels
