// Tool calls of DeepSeek-V3.1 to V3.2-Exp: a name and JSON text between special tokens.
#include <array>

#include "text/output_parser_calls.h"
#include "text/prompt.h"

namespace levin::text {
namespace {

constexpr std::array<std::string_view, 1> kCallsOpenings = {markup::kToolCallsBegin};
constexpr std::array<std::string_view, 1> kNameEnds = {markup::kToolSep};
/// What ends arguments: its own tag, or one before which that was forgotten.
constexpr std::array<std::string_view, 3> kArgumentsEnds = {
    markup::kToolCallEnd, markup::kToolCallsEnd, markup::kToolCallBegin};
/// No name contains the beginning of a tag.
constexpr std::string_view kTag = "<｜";

class V31CallReader : public CallReader {
 public:
  [[nodiscard]] std::span<const std::string_view> openings() const noexcept override {
    return kCallsOpenings;
  }

  ReadStatus open(std::string& text, std::vector<OutputEvent>& events) override {
    return read_head(markup::kToolCallsBegin, text, events);
  }

  ReadStatus read(std::string& text, std::vector<OutputEvent>& events) override {
    while (true) {
      if (is_in_call() && !read_arguments(text, events)) {
        return ReadStatus::kMore;
      }
      skip_space(text);
      HeadReader end(text);
      const ReadStatus at_end = end.literal(markup::kToolCallsEnd).status();
      if (at_end == ReadStatus::kDone) {
        text.erase(0, end.size());
        return ReadStatus::kDone;
      }
      const ReadStatus at_call = read_head("", text, events);
      if (at_call != ReadStatus::kDone) {
        return at_end == ReadStatus::kMore ? at_end : at_call;
      }
    }
  }

  void end(std::string_view text, std::vector<OutputEvent>& events) override {
    if (is_in_call()) {
      add_arguments(text, events);
      end_call(events);
    }
  }

 private:
  /// `opening`, `<｜tool▁call▁begin｜>`, name, `<｜tool▁sep｜>`.
  ReadStatus read_head(std::string_view opening, std::string& text,
                       std::vector<OutputEvent>& events) {
    HeadReader head(text);
    std::string_view name;
    head.literal(opening).space().literal(markup::kToolCallBegin).until(kNameEnds, kTag, name);
    if (head.status() == ReadStatus::kDone) {
      begin_call(name, events);
      text.erase(0, head.size());
    }
    return head.status();
  }

  /// True once the arguments have ended. The tag of the next call or of the end is left in place.
  bool read_arguments(std::string& text, std::vector<OutputEvent>& events) {
    const FoundMark found = find_mark(text, kArgumentsEnds);
    if (found.pos == std::string_view::npos) {
      const size_t certain = text.size() - partial_mark_bytes(text, kArgumentsEnds);
      add_arguments(std::string_view(text).substr(0, certain), events);
      text.erase(0, certain);
      return false;
    }
    add_arguments(std::string_view(text).substr(0, found.pos), events);
    if (!has_arguments()) {
      add_arguments("{}", events);
    }
    end_call(events);
    const bool is_own_tag = found.idx == 0;
    text.erase(0, found.pos + (is_own_tag ? markup::kToolCallEnd.size() : 0));
    return true;
  }
};

}  // namespace

std::unique_ptr<CallReader> make_v31_call_reader() { return std::make_unique<V31CallReader>(); }

}  // namespace levin::text
