#include "generation/grammar_chars.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/utf8.h"

namespace levin::generation {
namespace {

using Fragment = GrammarBuilder::Fragment;

constexpr char32_t kLastCodePoint = 0x10FFFF;
constexpr char32_t kBeforeSurrogates = 0xD7FF;
constexpr char32_t kAfterSurrogates = 0xE000;

std::string utf8_of(char32_t code_point) {
  std::string bytes;
  base::append_utf8(bytes, code_point);
  return bytes;
}

/// Ends with a run of continuation bytes that are all at their first (0x80) or last (0xBF) value:
/// the range `first`-`last` of equal length is then one product of byte ranges.
void add_utf8_product(GrammarBuilder& builder, char32_t first, char32_t last,
                      std::vector<Fragment>& parts) {
  const std::string low = utf8_of(first);
  const std::string high = utf8_of(last);
  Fragment made = builder.empty();
  for (size_t idx = 0; idx < low.size(); ++idx) {
    made = builder.sequence(
        {made, builder.symbols(static_cast<uint8_t>(low[idx]), static_cast<uint8_t>(high[idx]))});
  }
  parts.push_back(made);
}

/// Cuts `first`-`last` where the length of UTF-8 changes and where it is no product of byte ranges.
void add_utf8(GrammarBuilder& builder, char32_t first, char32_t last,
              std::vector<Fragment>& parts) {
  for (const char32_t limit : {char32_t{0x7F}, char32_t{0x7FF}, char32_t{0xFFFF}}) {
    if (first <= limit && last > limit) {
      add_utf8(builder, first, limit, parts);
      first = limit + 1;
    }
  }
  const size_t length = utf8_of(first).size();
  for (size_t tail = length - 1; tail > 0; --tail) {
    const auto mask = (char32_t{1} << (6 * tail)) - 1;
    if ((first & ~mask) == (last & ~mask)) {
      continue;
    }
    if ((first & mask) != 0) {
      add_utf8(builder, first, first | mask, parts);
      add_utf8(builder, (first | mask) + 1, last, parts);
      return;
    }
    if ((last & mask) != mask) {
      add_utf8(builder, first, (last & ~mask) - 1, parts);
      add_utf8(builder, last & ~mask, last, parts);
      return;
    }
  }
  add_utf8_product(builder, first, last, parts);
}

/// Characters that a JSON string holds as they are.
bool is_escaped_in_json(char32_t code_point) {
  return code_point < 0x20 || code_point == '"' || code_point == '\\' || code_point == kTagBar;
}

std::string json_escape(char32_t code_point) {
  constexpr std::string_view kControls = "\b\f\n\r\t\"\\";
  constexpr std::string_view kLetters = "bfnrt\"\\";
  const size_t known =
      code_point < 0x80 ? kControls.find(static_cast<char>(code_point)) : std::string_view::npos;
  if (known != std::string_view::npos) {
    return {'\\', kLetters[known]};
  }
  return fmt::format("\\u{:04x}", static_cast<uint32_t>(code_point));
}

/// Characters that cannot stand for themselves in `form`: a few short ranges.
const std::vector<CharSet::Range>& special_ranges(CharForm form) {
  static const std::vector<CharSet::Range> json = {
      {0, 0x1F}, {'"', '"'}, {'\\', '\\'}, {kTagBar, kTagBar}};
  static const std::vector<CharSet::Range> raw = {{kTagBar, kTagBar}};
  return form == CharForm::kJson ? json : raw;
}

}  // namespace

CharSet::CharSet(std::vector<Range> ranges) : ranges_(std::move(ranges)) { normalize(); }

void CharSet::add(char32_t first, char32_t last) {
  ranges_.push_back({first, last});
  normalize();
}

void CharSet::normalize() {
  std::ranges::sort(ranges_, {}, &Range::first);
  std::vector<Range> joined;
  const auto add_range = [&](Range range) {
    if (range.first > range.last) {
      return;
    }
    if (!joined.empty() && range.first <= joined.back().last + 1) {
      joined.back().last = std::max(joined.back().last, range.last);
    } else {
      joined.push_back(range);
    }
  };
  for (const Range& range : ranges_) {
    add_range({range.first, std::min(range.last, kBeforeSurrogates)});
    add_range({std::max(range.first, kAfterSurrogates), std::min(range.last, kLastCodePoint)});
  }
  ranges_ = std::move(joined);
}

CharSet CharSet::complement() const {
  std::vector<Range> gaps;
  char32_t next = 0;
  for (const Range& range : ranges_) {
    if (range.first > next) {
      gaps.push_back({next, range.first - 1});
    }
    next = range.last + 1;
  }
  if (next <= kLastCodePoint) {
    gaps.push_back({next, kLastCodePoint});
  }
  return CharSet(std::move(gaps));
}

Fragment one_of(GrammarBuilder& builder, const CharSet& set, CharForm form) {
  CharSet plain = set.complement();
  for (const CharSet::Range& range : special_ranges(form)) {
    plain.add(range.first, range.last);
  }
  plain = plain.complement();
  std::vector<Fragment> parts;
  for (const CharSet::Range& range : plain.ranges()) {
    add_utf8(builder, range.first, range.last, parts);
  }
  if (form == CharForm::kJson) {
    for (const CharSet::Range& range : set.ranges()) {
      for (const CharSet::Range& special : special_ranges(form)) {
        for (char32_t code_point = std::max(range.first, special.first);
             code_point <= std::min(range.last, special.last); ++code_point) {
          parts.push_back(builder.literal(json_escape(code_point)));
        }
      }
    }
  }
  return builder.choice(parts);
}

Fragment exact_text(GrammarBuilder& builder, std::string_view text, CharForm form) {
  const std::string bar = utf8_of(kTagBar);
  if (form == CharForm::kRaw) {
    return text.find(bar) == std::string_view::npos ? builder.literal(text) : builder.nothing();
  }
  std::string written;
  while (!text.empty()) {
    if (text.starts_with(bar)) {
      written += json_escape(kTagBar);
      text.remove_prefix(bar.size());
    } else if (is_escaped_in_json(static_cast<uint8_t>(text.front()))) {
      written += json_escape(static_cast<uint8_t>(text.front()));
      text.remove_prefix(1);
    } else {
      written += text.front();
      text.remove_prefix(1);
    }
  }
  return builder.literal(written);
}

}  // namespace levin::generation
