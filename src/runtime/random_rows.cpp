#include "runtime/random_rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <vector>

#include "base/float_formats.h"
#include "base/integers.h"
#include "base/random.h"

namespace levin::runtime {
namespace {

using kernels::kPageTokens;
using kernels::KvLayerView;
using kernels::KvLayout;

/// Nearly standard normal: the sum of four 16-bit uniforms, centred and scaled to variance 1. A
/// tenth of Box-Muller's time, which matters with billions of numbers; the tails end at 3.46.
float nearly_normal(uint64_t bits) noexcept {
  const auto sum = static_cast<int32_t>((bits & 0xFFFFU) + ((bits >> 16) & 0xFFFFU) +
                                        ((bits >> 32) & 0xFFFFU) + (bits >> 48));
  constexpr float kScale = 1.7320508F / 65536.0F;
  return static_cast<float>(sum - 2 * 0xFFFF) * kScale;
}

/// The random numbers of one row.
class RowRandom {
 public:
  RowRandom(uint64_t seed, int64_t layer_idx, int64_t pos)
      : seed_(base::random_bits(
            seed, (static_cast<uint64_t>(layer_idx) << 40) + static_cast<uint64_t>(pos))) {}
  float normal() noexcept { return nearly_normal(base::random_bits(seed_, counter_++)); }
  float uniform() noexcept { return static_cast<float>(base::random_uniform(seed_, counter_++)); }

 private:
  uint64_t seed_;
  uint64_t counter_ = 0;
};

void fill_latent(const KvLayout& layout, RowRandom& random, std::byte* row) {
  for (int64_t i = 0; i < layout.kv_row_dim; ++i) {
    const float value = random.normal();
    if (layout.latent_bytes == 4) {
      std::memcpy(row + i * 4, &value, 4);
    } else {
      const base::Bf16 rounded = base::to_bf16(value);
      std::memcpy(row + i * 2, &rounded, 2);
    }
  }
}

/// Byte offset of feature `i` of token `slot` in a page's index keys [dim / 2, 64, 2].
int64_t key_offset(const KvLayout& layout, int64_t slot, int64_t i) {
  return ((i / 2 * kPageTokens + slot) * 2 + i % 2) * layout.index_key_bytes;
}

void fill_index_key(const KvLayerView& kv, int64_t pos, bool has_power_of_two_scales,
                    RowRandom& random, std::span<float> values) {
  const KvLayout& layout = *kv.layout;
  const float size = 0.5F + random.uniform();
  float amax = 0.0F;
  for (float& value : values) {
    value = size * random.normal();
    amax = std::max(amax, std::abs(value));
  }
  const bool is_fp8 = layout.index_key_bytes == 1;
  const float scale = is_fp8 ? base::act_quant_scale(amax, has_power_of_two_scales) : 1.0F;
  std::byte* keys = kv.index_keys(pos / kPageTokens);
  const int64_t slot = pos % kPageTokens;
  for (size_t i = 0; i < values.size(); ++i) {
    std::byte* out = keys + key_offset(layout, slot, static_cast<int64_t>(i));
    if (is_fp8) {
      *out = static_cast<std::byte>(base::to_e4m3(values[i] / scale).bits);
    } else {
      const base::Bf16 rounded = base::to_bf16(values[i]);
      std::memcpy(out, &rounded, sizeof rounded);
    }
  }
  kv.key_scales(pos / kPageTokens)[slot] = scale;
}

}  // namespace

void fill_random_rows(const RandomRows& rows, base::ThreadPool& pool) {
  const KvLayout& layout = *rows.layout;
  const int64_t end_pos = rows.first_pos + rows.tokens;
  const int64_t first_page = rows.first_pos / kPageTokens;
  const int64_t page_count = base::ceil_div(end_pos, kPageTokens) - first_page;
  pool.parallel_for(page_count * layout.num_layers, [&](int64_t task_idx, int /*thread_idx*/) {
    const int64_t page_idx = first_page + task_idx / layout.num_layers;
    const int64_t layer_idx = task_idx % layout.num_layers;
    const KvLayerView kv{rows.pages, layer_idx * layout.layer_bytes(), &layout};
    std::vector<float> key(static_cast<size_t>(layout.index_head_dim));
    const int64_t end = std::min(end_pos, (page_idx + 1) * kPageTokens);
    for (int64_t pos = std::max(rows.first_pos, page_idx * kPageTokens); pos < end; ++pos) {
      RowRandom random(rows.seed, layer_idx, pos);
      fill_latent(layout, random, kv.latent_row(pos));
      if (layout.index_head_dim > 0) {
        fill_index_key(kv, pos, rows.has_power_of_two_scales, random, key);
      }
    }
  });
}

}  // namespace levin::runtime
