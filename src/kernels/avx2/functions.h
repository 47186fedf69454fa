// The functions of OpTable as this instruction set provides them; op_table.h says what each does.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/op_table.h"

namespace levin::kernels::avx2 {

// matmul.cpp
void matmul(const tensor::WeightMatrix& w, const Bf16* a, int64_t a_stride, int64_t m, float* c,
            int64_t c_stride, std::byte* scratch) noexcept;

// attention_tile.cpp
void attention_tile(const AttentionTile& tile, std::byte* scratch) noexcept;
void pack_queries(const float* rows, int64_t stride, int64_t queries, int64_t dim,
                  Bf16* packed) noexcept;

// index_scores.cpp
void index_scores_page(const Bf16* q, const float* w, int64_t queries, int64_t heads, int64_t dim,
                       const std::byte* keys, IndexKeyFormat format, const float* key_scales,
                       float* scores, int64_t scores_stride, std::byte* scratch) noexcept;
int64_t append_above(const float* scores, int64_t count, int32_t first_pos, float threshold,
                     float* kept_scores, int32_t* kept_positions) noexcept;
float quantize_index_row(const float* x, int64_t dim, bool hadamard, bool power_of_two_scale,
                         uint8_t* codes) noexcept;

// rows.cpp
void f32_to_bf16(const float* in, Bf16* out, int64_t count) noexcept;
void rms_norm(const float* x, const float* w, float eps, int64_t count, float* y) noexcept;
void layer_norm(const float* x, const float* w, const float* b, float eps, int64_t count,
                float* y) noexcept;
void silu_mul(const float* gate, const float* up, int64_t count, float* y) noexcept;
void add_scaled(const float* x, float factor, int64_t count, float* y) noexcept;
void rotate_pairs(float* x, const float* cos, const float* sin, int64_t pairs) noexcept;
void rotate_halves(float* x, const float* cos, const float* sin, int64_t pairs) noexcept;

// ceilings.cpp
float read_sum(const float* data, int64_t count) noexcept;
double dot_rate_work(int64_t steps, float* sink) noexcept;

}  // namespace levin::kernels::avx2
