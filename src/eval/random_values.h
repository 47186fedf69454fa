// Random numbers in bulk for synthetic checkpoints: a function of (stream, element index), so
// that threads and piece sizes never change a byte.
#pragma once

#include <cstdint>
#include <span>

#include "base/float_formats.h"

namespace levin::eval {

/// Elements that one random word makes; pieces must begin at a multiple of it.
inline constexpr int64_t kValuesPerWord = 4;

/// out[i] = bf16(mean + std * n), n the standard normal number of element `first + i`.
/// `first` is a multiple of kValuesPerWord.
void fill_normal(uint64_t stream, int64_t first, float mean, float std, std::span<base::Bf16> out);

/// As above, in float32.
void fill_normal(uint64_t stream, int64_t first, float mean, float std, std::span<float> out);

/// E4M3 codes of normal numbers whose largest magnitude is 448, as a quantiser leaves them. Their
/// values have the standard deviation normal_e4m3_std().
void fill_normal(uint64_t stream, int64_t first, std::span<base::E4m3> out);

[[nodiscard]] float normal_e4m3_std();

}  // namespace levin::eval
