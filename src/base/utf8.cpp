#include "base/utf8.h"

#include <algorithm>

namespace levin::base {
namespace {

struct LeadByte {
  size_t length = 0;  // bytes of the whole sequence, 0 if no sequence may start so
  uint8_t second_min = 0x80;
  uint8_t second_max = 0xBF;
};

LeadByte classify(uint8_t lead) noexcept {
  if (lead < 0x80) {
    return {1};
  }
  if (lead >= 0xC2 && lead <= 0xDF) {
    return {2};
  }
  if (lead == 0xE0) {
    return {3, 0xA0, 0xBF};
  }
  if (lead == 0xED) {
    return {3, 0x80, 0x9F};
  }
  if (lead >= 0xE1 && lead <= 0xEF) {
    return {3};
  }
  if (lead == 0xF0) {
    return {4, 0x90, 0xBF};
  }
  if (lead >= 0xF1 && lead <= 0xF3) {
    return {4};
  }
  if (lead == 0xF4) {
    return {4, 0x80, 0x8F};
  }
  return {};
}

/// How many bytes at the start of `text` form a prefix of a well-formed sequence.
size_t valid_prefix_length(std::string_view text, const LeadByte& lead) noexcept {
  size_t matched = 1;
  while (matched < lead.length && matched < text.size()) {
    const auto byte = static_cast<uint8_t>(text[matched]);
    const uint8_t low = matched == 1 ? lead.second_min : 0x80;
    const uint8_t high = matched == 1 ? lead.second_max : 0xBF;
    if (byte < low || byte > high) {
      break;
    }
    ++matched;
  }
  return matched;
}

}  // namespace

size_t utf8_sequence_length(std::string_view text) noexcept {
  if (text.empty()) {
    return 0;
  }
  const LeadByte lead = classify(static_cast<uint8_t>(text[0]));
  if (lead.length == 0 || lead.length > text.size()) {
    return 0;
  }
  return valid_prefix_length(text, lead) == lead.length ? lead.length : 0;
}

bool is_valid_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const size_t length = utf8_sequence_length(text);
    if (length == 0) {
      return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

size_t ill_formed_subpart_length(std::string_view text) noexcept {
  const LeadByte lead = classify(static_cast<uint8_t>(text[0]));
  return lead.length == 0 ? 1 : valid_prefix_length(text, lead);
}

RepairedText repair_utf8(std::string_view text) {
  RepairedText repaired;
  repaired.text.reserve(text.size());
  while (!text.empty()) {
    size_t length = utf8_sequence_length(text);
    if (length > 0) {
      repaired.text.append(text.substr(0, length));
    } else {
      length = ill_formed_subpart_length(text);
      repaired.text.append(kReplacementCharacter);
      ++repaired.replacements;
    }
    text.remove_prefix(length);
  }
  return repaired;
}

void append_utf8(std::string& out, char32_t code_point) {
  const auto c = static_cast<uint32_t>(code_point);
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out.push_back(static_cast<char>(0xC0U | (c >> 6)));
    out.push_back(static_cast<char>(0x80U | (c & 0x3FU)));
  } else if (c < 0x10000) {
    out.push_back(static_cast<char>(0xE0U | (c >> 12)));
    out.push_back(static_cast<char>(0x80U | ((c >> 6) & 0x3FU)));
    out.push_back(static_cast<char>(0x80U | (c & 0x3FU)));
  } else {
    out.push_back(static_cast<char>(0xF0U | (c >> 18)));
    out.push_back(static_cast<char>(0x80U | ((c >> 12) & 0x3FU)));
    out.push_back(static_cast<char>(0x80U | ((c >> 6) & 0x3FU)));
    out.push_back(static_cast<char>(0x80U | (c & 0x3FU)));
  }
}

size_t incomplete_utf8_tail(std::string_view text) noexcept {
  for (size_t back = 1; back <= std::min<size_t>(3, text.size()); ++back) {
    const std::string_view tail = text.substr(text.size() - back);
    const auto byte = static_cast<uint8_t>(tail[0]);
    if (byte >= 0x80 && byte < 0xC0) {
      continue;  // a continuation byte: look further back for its lead
    }
    const LeadByte lead = classify(byte);
    const bool incomplete = lead.length > back && valid_prefix_length(tail, lead) == back;
    return incomplete ? back : 0;
  }
  return 0;
}

}  // namespace levin::base
