#include "text/output_parser.h"

#include <utility>

#include "base/utf8.h"
#include "text/output_parser_calls.h"
#include "text/prompt.h"

namespace levin::text {
namespace {

bool has_markup(ChatStyle style) noexcept {
  return style != ChatStyle::kMarkers && style != ChatStyle::kPlain;
}

std::unique_ptr<CallReader> make_call_reader(const OutputOptions& options) {
  if (!options.reads_calls || !has_markup(options.style)) {
    return nullptr;
  }
  return options.style == ChatStyle::kV32 ? make_dsml_call_reader() : make_v31_call_reader();
}

}  // namespace

OutputParser::OutputParser(const OutputOptions& options)
    : state_(options.begins_with_reasoning && has_markup(options.style) ? State::kReasoning
                                                                        : State::kContent),
      calls_(make_call_reader(options)) {}

OutputParser::~OutputParser() = default;
OutputParser::OutputParser(OutputParser&& other) noexcept = default;
OutputParser& OutputParser::operator=(OutputParser&& other) noexcept = default;

std::vector<OutputEvent> OutputParser::push(std::string_view text) {
  bytes_ += text;
  // A U+FFFD waits like the half of a character: at the end of the output it is one.
  const size_t incomplete = bytes_.ends_with(base::kReplacementCharacter)
                                ? base::kReplacementCharacter.size()
                                : base::incomplete_utf8_tail(bytes_);
  const size_t complete = bytes_.size() - incomplete;
  pending_ += base::repair_utf8(std::string_view(bytes_).substr(0, complete)).text;
  bytes_.erase(0, complete);
  Events events;
  read(events);
  return events;
}

std::vector<OutputEvent> OutputParser::flush() {
  const std::string cut = base::repair_utf8(std::exchange(bytes_, {})).text;
  Events events;
  if (state_ == State::kBlock) {
    // What is pending may begin a tag; then the cut character does, too.
    has_cut_call_ = calls_->is_in_call();
    calls_->end(pending_.empty() ? cut : std::string(), events);
    pending_.clear();
    return events;
  }
  pending_ += cut;
  read(events);
  emit_text(pending_.size(), events);
  return events;
}

bool OutputParser::has_calls() const noexcept {
  return calls_ != nullptr && calls_->call_count() > 0;
}

void OutputParser::read(Events& events) {
  bool goes_on = true;
  while (goes_on) {
    if (state_ == State::kAfterBlock) {
      skip_space(pending_);
      state_ = pending_.empty() ? State::kAfterBlock : State::kContent;
    }
    goes_on = state_ == State::kBlock ? read_block(events) : read_text(events);
  }
}

/// Reads thinking or answer up to the next tag. False: more text is needed.
bool OutputParser::read_text(Events& events) {
  std::vector<std::string_view> marks;
  if (calls_ != nullptr) {
    marks.assign(calls_->openings().begin(), calls_->openings().end());
  }
  const size_t think_end_idx = marks.size();
  if (state_ == State::kReasoning) {
    marks.push_back(markup::kThinkEnd);
  }
  const FoundMark found = find_mark(pending_, marks);
  if (found.pos == std::string_view::npos) {
    emit_text(pending_.size() - partial_mark_bytes(pending_, marks), events);
    return false;
  }
  emit_text(found.pos, events);
  if (found.idx == think_end_idx) {
    pending_.erase(0, markup::kThinkEnd.size());
    state_ = State::kContent;
    return true;
  }
  const ReadStatus status = calls_->open(pending_, events);
  if (status == ReadStatus::kDone) {
    state_ = State::kBlock;
  } else if (status == ReadStatus::kBroken) {
    emit_text(marks[found.idx].size(), events);
  }
  return status != ReadStatus::kMore;
}

bool OutputParser::read_block(Events& events) {
  const ReadStatus status = calls_->read(pending_, events);
  if (status == ReadStatus::kMore) {
    return false;
  }
  state_ = status == ReadStatus::kDone ? State::kAfterBlock : State::kContent;
  return true;
}

/// Takes `length` bytes off the pending text as thinking or content.
void OutputParser::emit_text(size_t length, Events& events) {
  const auto kind =
      state_ == State::kReasoning ? OutputEvent::Kind::kReasoning : OutputEvent::Kind::kContent;
  add_event(events, {kind, pending_.substr(0, length), 0});
  pending_.erase(0, length);
}

std::vector<OutputEvent> parse_output(std::string_view text, const OutputOptions& options) {
  OutputParser parser(options);
  std::vector<OutputEvent> events = parser.push(text);
  for (OutputEvent& event : parser.flush()) {
    add_event(events, std::move(event));
  }
  return events;
}

}  // namespace levin::text
