#include "text/output_parser_calls.h"

#include <algorithm>
#include <utility>

namespace levin::text {
namespace {

using EventKind = OutputEvent::Kind;

constexpr std::string_view kSpace = " \t\r\n";

}  // namespace

void add_event(std::vector<OutputEvent>& events, OutputEvent event) {
  const bool is_piece = event.kind == EventKind::kReasoning || event.kind == EventKind::kContent ||
                        event.kind == EventKind::kArguments;
  if (is_piece && event.text.empty()) {
    return;
  }
  if (is_piece && !events.empty() && events.back().kind == event.kind &&
      events.back().call_idx == event.call_idx) {
    events.back().text += event.text;
    return;
  }
  events.push_back(std::move(event));
}

void CallReader::begin_call(std::string_view name, std::vector<OutputEvent>& events) {
  add_event(events, {EventKind::kCallBegin, std::string(name), call_count_});
  ++call_count_;
  is_in_call_ = true;
  has_arguments_ = false;
}

void CallReader::add_arguments(std::string_view text, std::vector<OutputEvent>& events) {
  has_arguments_ = has_arguments_ || !text.empty();
  add_event(events, {EventKind::kArguments, std::string(text), call_count_ - 1});
}

void CallReader::end_call(std::vector<OutputEvent>& events) {
  add_event(events, {EventKind::kCallEnd, "", call_count_ - 1});
  is_in_call_ = false;
}

HeadReader& HeadReader::literal(std::string_view wanted) {
  if (status_ != ReadStatus::kDone) {
    return *this;
  }
  if (rest_.starts_with(wanted)) {
    rest_.remove_prefix(wanted.size());
  } else {
    status_ = wanted.starts_with(rest_) ? ReadStatus::kMore : ReadStatus::kBroken;
  }
  return *this;
}

HeadReader& HeadReader::space() {
  if (status_ == ReadStatus::kDone) {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(kSpace), rest_.size()));
  }
  return *this;
}

HeadReader& HeadReader::until(std::span<const std::string_view> ends, std::string_view forbidden,
                              std::string_view& found, size_t* end_idx) {
  if (status_ != ReadStatus::kDone) {
    return *this;
  }
  const FoundMark end = find_mark(rest_, ends);
  const size_t wrong = rest_.find(forbidden);
  if (wrong < end.pos) {
    const bool may_be_end = std::ranges::any_of(
        ends, [&](std::string_view mark) { return mark.starts_with(rest_.substr(wrong)); });
    status_ = may_be_end ? ReadStatus::kMore : ReadStatus::kBroken;
  } else if (end.pos == std::string_view::npos) {
    status_ = ReadStatus::kMore;
  } else {
    found = rest_.substr(0, end.pos);
    rest_.remove_prefix(end.pos + ends[end.idx].size());
    if (end_idx != nullptr) {
      *end_idx = end.idx;
    }
  }
  return *this;
}

ReadStatus HeadReader::status() const noexcept {
  const size_t needed = status_ == ReadStatus::kMore ? text_.size() + 1 : size();
  return needed > kMaxHeadBytes ? ReadStatus::kBroken : status_;
}

size_t partial_mark_bytes(std::string_view text, std::span<const std::string_view> marks) noexcept {
  size_t longest = 0;
  for (const std::string_view mark : marks) {
    for (size_t length = std::min(mark.size() - 1, text.size()); length > longest; --length) {
      if (text.ends_with(mark.substr(0, length))) {
        longest = length;
      }
    }
  }
  return longest;
}

FoundMark find_mark(std::string_view text, std::span<const std::string_view> marks) noexcept {
  FoundMark first;
  for (size_t idx = 0; idx < marks.size(); ++idx) {
    const size_t pos = text.find(marks[idx]);
    if (pos < first.pos) {
      first = {pos, idx};
    }
  }
  return first;
}

void skip_space(std::string& text) { text.erase(0, text.find_first_not_of(kSpace)); }

}  // namespace levin::text
