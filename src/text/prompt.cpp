#include "text/prompt.h"

namespace levin::text {

Prompt& Prompt::append(std::string_view text, bool is_markup) {
  if (!segments_.empty() && segments_.back().is_markup == is_markup &&
      segments_.back().mark == PromptSegment::Mark::kNone) {
    segments_.back().text += text;
  } else if (!text.empty()) {
    segments_.push_back({std::string(text), is_markup});
  }
  return *this;
}

Prompt& Prompt::append(std::string_view name, PromptSegment::Mark mark) {
  segments_.push_back({std::string(name), /*is_markup=*/true, mark});
  return *this;
}

Prompt& Prompt::append(const Prompt& other) {
  for (const PromptSegment& segment : other.segments_) {
    if (segment.mark == PromptSegment::Mark::kNone) {
      append(segment.text, segment.is_markup);
    } else {
      append(segment.text, segment.mark);
    }
  }
  return *this;
}

std::string Prompt::text() const {
  std::string text;
  for (const PromptSegment& segment : segments_) {
    text += segment.text;
  }
  return text;
}

}  // namespace levin::text
