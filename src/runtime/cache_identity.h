// What two engines must have in common before one may use cache pages that the other computed.
#pragma once

#include <string>
#include <string_view>

#include "kernels/kv_layout.h"
#include "model/config.h"
#include "model/forward.h"
#include "model/weights.h"

namespace levin::runtime {

/// Raised whenever the bits of a cached row change for equal weights and tokens: another layout of
/// pages, another order of sums, another rounding. Pages of other versions are never read.
inline constexpr int kPageBitsVersion = 1;

/// A digest of a checkpoint folder as hexadecimal digits: of config.json and the shard index as a
/// whole, and of each weight file its name, size and content. Files beyond 64 MiB together are
/// sampled: both ends, 4 KiB at 256 places in between, and the time of the last change. So a copy
/// of a large model starts with a cold cache; and the digest misses only an edit that keeps sizes
/// and times and touches nothing sampled. Throws Error(kIo | kNotFound).
[[nodiscard]] std::string model_digest(const std::string& model_dir);

/// Everything besides owner and tokens that decides the bits of a page, as text.
///   model     of model_digest; may be any text if pages never leave this engine
///   isa       name of the kernel table: sums round differently in each
[[nodiscard]] std::string cache_identity(std::string_view model, const model::Config& config,
                                         const model::ForwardOptions& forward,
                                         model::WeightEncoding encoding,
                                         const kernels::KvLayout& layout, std::string_view isa);

}  // namespace levin::runtime
