#include "eval/lookup_depths.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "eval/eval_report.h"
#include "plot/heat_map.h"

namespace levin::eval {
namespace {

DepthCounts& entry_of(std::vector<DepthCounts>& counts, const std::string& measure,
                      int64_t length) {
  const auto same = [&](const DepthCounts& entry) { return entry.measure == measure; };
  auto place = std::ranges::find_if(counts, same);
  while (place != counts.end() && same(*place) && place->length < length) {
    ++place;
  }
  if (place == counts.end() || !same(*place) || place->length != length) {
    place = counts.insert(place, {.measure = measure, .length = length, .bins = {}});
  }
  return *place;
}

}  // namespace

std::vector<DepthCounts> count_by_depth(std::span<const LookupDocument> documents,
                                        std::span<const std::vector<LookupAnswer>> answers) {
  std::vector<DepthCounts> counts;
  for (size_t document_idx = 0; document_idx < answers.size(); ++document_idx) {
    const LookupDocument& document = documents[document_idx];
    DepthCounts& entry = entry_of(counts, lookup_measure(document), document.length);
    for (size_t idx = 0; idx < answers[document_idx].size(); ++idx) {
      const double depth = document.questions[idx].depth;
      const auto bin = static_cast<size_t>(depth * static_cast<double>(kDepthBins));
      DepthCount& count = entry.bins[std::min(bin, kDepthBins - 1)];
      ++count.total;
      count.right += answers[document_idx][idx].is_right ? 1 : 0;
    }
  }
  return counts;
}

std::string depth_heat_map(std::span<const DepthCounts> counts, const std::string& measure,
                           const std::string& rule) {
  plot::HeatMap map;
  map.title = fmt::format("{}: {}", measure, rule);
  map.column_label = "context (tokens)";
  map.row_label = "depth of the fact (%)";
  map.is_percent = true;
  map.values.resize(kDepthBins);
  for (size_t bin = 0; bin < kDepthBins; ++bin) {
    map.rows.push_back(fmt::format("{}–{}", 100 * bin / kDepthBins, 100 * (bin + 1) / kDepthBins));
  }
  for (const DepthCounts& entry : counts) {
    if (entry.measure != measure) {
      continue;
    }
    map.columns.push_back(std::to_string(entry.length));
    for (size_t bin = 0; bin < kDepthBins; ++bin) {
      const DepthCount& count = entry.bins[bin];
      map.values[bin].push_back(count.total == 0 ? std::numeric_limits<double>::quiet_NaN()
                                                 : static_cast<double>(count.right) /
                                                       static_cast<double>(count.total));
    }
  }
  return plot::heat_map_svg(map);
}

}  // namespace levin::eval
