// How one page of the cache lies in memory. A page holds 64 consecutive tokens of one sequence, for
// every layer: the latent rows and the index keys of a layer lie together and are allocated,
// shared and saved as one unit.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/integers.h"

namespace levin::kernels {

inline constexpr int64_t kPageTokens = 64;

/// Per layer and page, in this order:
///   latent rows  [64, kv_row_dim]                bf16 (fast numerics) or f32 (reference numerics)
///   index keys   [index_head_dim / 2, 64, 2]     E4M3 (or bf16 where the model has no FP8 keys):
///                pairs of features, 64 tokens side by side, so that a vector register takes 16
///                tokens without a transposition
///   key scales   [64]                            f32
/// The last two exist only in sparse models. Every part starts at a multiple of 64 bytes.
struct KvLayout {
  static constexpr int64_t kPartAlignment = 64;

  int64_t num_layers = 0;
  int64_t kv_row_dim = 0;       ///< kv_lora_rank + qk_rope_head_dim
  int64_t index_head_dim = 0;   ///< 0 in dense models
  int64_t latent_bytes = 2;     ///< bytes of one latent number: 2 (bf16) or 4 (f32)
  int64_t index_key_bytes = 1;  ///< bytes of one index key feature: 1 (E4M3) or 2 (bf16)

  [[nodiscard]] constexpr int64_t row_bytes() const noexcept { return kv_row_dim * latent_bytes; }
  [[nodiscard]] constexpr int64_t keys_offset() const noexcept {
    return base::round_up(kPageTokens * row_bytes(), kPartAlignment);
  }
  [[nodiscard]] constexpr int64_t scales_offset() const noexcept {
    return keys_offset() +
           base::round_up(kPageTokens * index_head_dim * index_key_bytes, kPartAlignment);
  }
  [[nodiscard]] constexpr int64_t layer_bytes() const noexcept {
    return index_head_dim == 0 ? keys_offset() : scales_offset() + kPageTokens * 4;
  }
  [[nodiscard]] constexpr int64_t page_bytes() const noexcept { return num_layers * layer_bytes(); }
};

/// One layer of one sequence's cache: where the token at a position lies. Non-owning.
struct KvLayerView {
  std::byte* const* pages = nullptr;  ///< page of positions [64 p, 64 p + 64) at index p
  int64_t layer_offset = 0;           ///< layer_idx * layer_bytes()
  const KvLayout* layout = nullptr;

  [[nodiscard]] std::byte* page(int64_t page_idx) const noexcept {
    return pages[page_idx] + layer_offset;
  }
  /// Latent row of the token at `pos`: [kv_row_dim].
  [[nodiscard]] std::byte* latent_row(int64_t pos) const noexcept {
    return page(pos / kPageTokens) + pos % kPageTokens * layout->row_bytes();
  }
  /// Index keys of the page: [index_head_dim / 2, 64, 2], E4M3 or bf16.
  [[nodiscard]] std::byte* index_keys(int64_t page_idx) const noexcept {
    return page(page_idx) + layout->keys_offset();
  }
  /// Scales of the page's index keys: [64].
  [[nodiscard]] float* key_scales(int64_t page_idx) const noexcept {
    return reinterpret_cast<float*>(page(page_idx) + layout->scales_offset());
  }
};

}  // namespace levin::kernels
