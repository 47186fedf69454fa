#include "generation/stop_strings.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"

namespace levin::generation {

StopStrings::StopStrings(std::vector<std::string> stops) : stops_(std::move(stops)) {
  for (const std::string& stop : stops_) {
    if (stop.empty() || !base::is_valid_utf8(stop)) {
      throw base::Error(
          base::ErrorCode::kInvalidArgument,
          stop.empty() ? "a stop string must not be empty" : "a stop string is not valid UTF-8",
          "stop");
    }
  }
}

std::string StopStrings::push(std::string_view piece) {
  if (has_matched()) {
    return {};
  }
  pending_ += piece;
  size_t match_begin = 0;
  size_t match_end = std::string::npos;
  for (const std::string& stop : stops_) {
    const size_t begin = pending_.find(stop);
    if (begin == std::string::npos) {
      continue;
    }
    const size_t end = begin + stop.size();
    if (end < match_end || (end == match_end && begin < match_begin)) {
      match_begin = begin;
      match_end = end;
      matched_ = stop;
    }
  }
  const size_t certain = has_matched() ? match_begin : pending_.size() - held_back_bytes();
  std::string text = pending_.substr(0, certain);
  pending_.erase(0, certain);
  return text;
}

std::string StopStrings::flush() {
  std::string rest = std::exchange(pending_, {});
  return has_matched() ? std::string() : rest;
}

/// Length of the longest end of the pending text that begins a stop string.
size_t StopStrings::held_back_bytes() const {
  size_t longest = 0;
  for (const std::string& stop : stops_) {
    for (size_t length = std::min(stop.size() - 1, pending_.size()); length > longest; --length) {
      if (std::string_view(pending_).ends_with(std::string_view(stop).substr(0, length))) {
        longest = length;
        break;
      }
    }
  }
  return longest;
}

}  // namespace levin::generation
