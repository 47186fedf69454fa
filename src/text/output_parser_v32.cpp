// Tool calls of DeepSeek-V3.2 (DSML): parameters between tags become one JSON object.
#include <array>
#include <set>
#include <utility>

#include "base/error.h"
#include "text/output_parser_calls.h"
#include "text/prompt.h"
#include "text/python_json.h"

namespace levin::text {
namespace {

/// The template puts a blank line before the block; a model may forget it.
constexpr std::array<std::string_view, 3> kBlockOpenings = {
    "\n\n<｜DSML｜function_calls", "\n<｜DSML｜function_calls", "<｜DSML｜function_calls"};
constexpr std::string_view kBlockEnd = "</｜DSML｜function_calls>";
constexpr std::string_view kInvokeHead = "<｜DSML｜invoke name=\"";
constexpr std::array<std::string_view, 1> kInvokeNameEnds = {"\">"};
constexpr std::string_view kInvokeEndTag = "</｜DSML｜invoke>";
constexpr std::string_view kParameterHead = "<｜DSML｜parameter name=\"";
constexpr std::array<std::string_view, 2> kParameterNameEnds = {"\" string=\"true\">",
                                                                "\" string=\"false\">"};
constexpr std::array<std::string_view, 1> kParameterEndTags = {"</｜DSML｜parameter>"};

/// `text` as it stands within the quotes of a JSON string.
std::string json_string_body(std::string_view text) {
  const std::string quoted = write_python_json_string(text);
  return quoted.substr(1, quoted.size() - 2);
}

bool is_json(const std::string& text) {
  try {
    (void)parse_python_json(text, "");
    return true;
  } catch (const base::Error&) {
    return false;
  }
}

class DsmlCallReader : public CallReader {
 public:
  [[nodiscard]] std::span<const std::string_view> openings() const noexcept override {
    return kBlockOpenings;
  }

  ReadStatus open(std::string& text, std::vector<OutputEvent>& events) override {
    const std::string_view opening = kBlockOpenings[find_mark(text, kBlockOpenings).idx];
    HeadReader empty_block(text);
    const ReadStatus at_end =
        empty_block.literal(opening).literal(">").space().literal(kBlockEnd).status();
    if (at_end == ReadStatus::kDone) {
      text.erase(0, empty_block.size());
      place_ = Place::kAfterBlock;
      return at_end;
    }
    HeadReader head(text);
    head.literal(opening).literal(">").space();
    const ReadStatus at_call = read_invoke_head(head, text, events);
    return at_end == ReadStatus::kMore ? at_end : at_call;
  }

  ReadStatus read(std::string& text, std::vector<OutputEvent>& events) override {
    while (true) {
      ReadStatus status = ReadStatus::kDone;
      switch (place_) {
        case Place::kBetweenCalls:
          status = read_between_calls(text, events);
          break;
        case Place::kBetweenParameters:
          status = read_between_parameters(text, events);
          break;
        case Place::kString:
        case Place::kJson:
          status = read_value(text, events);
          break;
        case Place::kAfterBlock:
          return ReadStatus::kDone;
      }
      if (status != ReadStatus::kDone) {
        if (status == ReadStatus::kBroken && is_in_call()) {
          close_call(events);
        }
        return status;
      }
    }
  }

  void end(std::string_view text, std::vector<OutputEvent>& events) override {
    if (place_ == Place::kString) {
      add_arguments(json_string_body(text), events);
    } else if (place_ == Place::kJson) {
      add_arguments(value_ + std::string(text), events);
    }
    if (is_in_call()) {
      end_call(events);
    }
  }

 private:
  enum class Place : uint8_t { kBetweenCalls, kBetweenParameters, kString, kJson, kAfterBlock };

  /// Reads the rest of a head that ends with the name of a call.
  ReadStatus read_invoke_head(HeadReader& head, std::string& text,
                              std::vector<OutputEvent>& events) {
    std::string_view name;
    head.literal(kInvokeHead).until(kInvokeNameEnds, markup::kDsml, name);
    if (head.status() == ReadStatus::kDone) {
      begin_call(name, events);
      names_.clear();
      place_ = Place::kBetweenParameters;
      text.erase(0, head.size());
    }
    return head.status();
  }

  ReadStatus read_between_calls(std::string& text, std::vector<OutputEvent>& events) {
    skip_space(text);
    HeadReader end(text);
    const ReadStatus at_end = end.literal(kBlockEnd).status();
    if (at_end == ReadStatus::kDone) {
      text.erase(0, end.size());
      place_ = Place::kAfterBlock;
      return at_end;
    }
    HeadReader head(text);
    const ReadStatus at_call = read_invoke_head(head, text, events);
    return at_end == ReadStatus::kMore ? at_end : at_call;
  }

  ReadStatus read_between_parameters(std::string& text, std::vector<OutputEvent>& events) {
    skip_space(text);
    HeadReader end(text);
    const ReadStatus at_end = end.literal(kInvokeEndTag).status();
    if (at_end == ReadStatus::kDone) {
      text.erase(0, end.size());
      close_call(events);
      place_ = Place::kBetweenCalls;
      return at_end;
    }
    const ReadStatus at_parameter = read_parameter_head(text, events);
    return at_end == ReadStatus::kMore ? at_end : at_parameter;
  }

  ReadStatus read_parameter_head(std::string& text, std::vector<OutputEvent>& events) {
    HeadReader head(text);
    std::string_view name;
    size_t end_idx = 0;
    head.literal(kParameterHead).until(kParameterNameEnds, markup::kDsml, name, &end_idx);
    if (head.status() != ReadStatus::kDone) {
      return head.status();
    }
    if (!names_.emplace(name).second) {
      return ReadStatus::kBroken;
    }
    add_arguments(has_arguments() ? ", " : "{", events);
    add_arguments(write_python_json_string(name) + ": ", events);
    place_ = end_idx == 0 ? Place::kString : Place::kJson;
    if (place_ == Place::kString) {
      add_arguments("\"", events);
    }
    value_.clear();
    text.erase(0, head.size());
    return ReadStatus::kDone;
  }

  ReadStatus read_value(std::string& text, std::vector<OutputEvent>& events) {
    const size_t end = text.find(kParameterEndTags[0]);
    const bool has_ended = end != std::string::npos;
    const size_t length =
        has_ended ? end : text.size() - partial_mark_bytes(text, kParameterEndTags);
    const std::string piece = text.substr(0, length);
    text.erase(0, length + (has_ended ? kParameterEndTags[0].size() : 0));
    if (place_ == Place::kString) {
      add_arguments(json_string_body(piece) + (has_ended ? "\"" : ""), events);
    } else {
      value_ += piece;
    }
    if (!has_ended) {
      return ReadStatus::kMore;
    }
    if (place_ == Place::kJson) {
      add_arguments(is_json(value_) ? value_ : write_python_json_string(value_), events);
    }
    place_ = Place::kBetweenParameters;
    return ReadStatus::kDone;
  }

  void close_call(std::vector<OutputEvent>& events) {
    add_arguments(has_arguments() ? "}" : "{}", events);
    end_call(events);
  }

  Place place_ = Place::kBetweenCalls;
  std::string value_;            // of a parameter that is not a string, so far
  std::set<std::string> names_;  // of the open call's parameters
};

}  // namespace

std::unique_ptr<CallReader> make_dsml_call_reader() { return std::make_unique<DsmlCallReader>(); }

}  // namespace levin::text
