// Look-up accuracy by length and depth, as counts and as a heat map.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "eval/lookup_file.h"
#include "eval/lookup_run.h"

namespace levin::eval {

/// Parts of a document, equally long, in which facts are counted together.
inline constexpr size_t kDepthBins = 10;

struct DepthCount {
  int64_t right = 0;
  int64_t total = 0;
};

/// Answers of one measure (lookup_measure) and length.
struct DepthCounts {
  std::string measure;
  int64_t length = 0;
  std::array<DepthCount, kDepthBins> bins;  ///< from the beginning of the document to its end
};

/// In the order of the file, lengths of a measure together and ascending. `answers` by document.
[[nodiscard]] std::vector<DepthCounts> count_by_depth(
    std::span<const LookupDocument> documents, std::span<const std::vector<LookupAnswer>> answers);

/// Accuracy by context (columns) and depth (rows) of one measure: the entries of `counts` with that
/// name. SVG.
[[nodiscard]] std::string depth_heat_map(std::span<const DepthCounts> counts,
                                         const std::string& measure, const std::string& rule);

}  // namespace levin::eval
