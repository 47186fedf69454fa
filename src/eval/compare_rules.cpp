#include "eval/compare_rules.h"

#include <fmt/ranges.h>

#include <array>

#include "base/error.h"

namespace levin::eval {
namespace {

using model::SelectionKind;

constexpr std::array kPatterns = {SelectionKind::kRecency, SelectionKind::kSinkWindow,
                                  SelectionKind::kStrided, SelectionKind::kFixed,
                                  SelectionKind::kRandom};

}  // namespace

std::vector<std::string> compare_rule_names() {
  std::vector<std::string> names = {"dense", "sparse"};
  for (const SelectionKind kind : kPatterns) {
    names.emplace_back(model::selection_kind_name(kind));
  }
  return names;
}

model::ForwardOptions with_rule(model::ForwardOptions options, std::string_view name,
                                int64_t budget, uint64_t seed) {
  if (name == "dense") {
    options.attention = model::AttentionMode::kDense;
    options.selection = {};
    return options;
  }
  options.attention = model::AttentionMode::kSparse;
  options.selection = {.kind = SelectionKind::kIndexer, .budget = budget, .seed = 0};
  if (name == "sparse") {
    return options;
  }
  for (const SelectionKind kind : kPatterns) {
    if (name == model::selection_kind_name(kind)) {
      options.selection.kind = kind;
      options.selection.seed = kind == SelectionKind::kRandom ? seed : 0;
      return options;
    }
  }
  base::throw_error(base::ErrorCode::kInvalidArgument, "", "there is no rule \"{}\"; wanted {}",
                    name, fmt::join(compare_rule_names(), ", "));
}

}  // namespace levin::eval
