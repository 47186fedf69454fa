#include "eval/lookup_score.h"

namespace levin::eval {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

std::string_view trim(std::string_view text) noexcept {
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) {
    return {};
  }
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

}  // namespace

std::string_view stated_value(std::string_view text) noexcept {
  constexpr std::string_view kVerb = " is ";
  const size_t verb = text.rfind(kVerb);
  if (verb == std::string_view::npos) {
    return {};
  }
  const std::string_view rest = trim(text.substr(verb + kVerb.size()));
  // A stop before the end would begin another sentence, which states nothing.
  if (!rest.ends_with('.') || rest.find('.') + 1 != rest.size()) {
    return {};
  }
  return trim(rest.substr(0, rest.size() - 1));
}

bool is_right_answer(std::string_view text, std::string_view answer) noexcept {
  return !answer.empty() && stated_value(text) == answer;
}

}  // namespace levin::eval
