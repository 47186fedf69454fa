#include "train/optim/parameter_groups.h"

#include <string_view>

namespace levin::train::optim {

Group group_of(const Parameter& parameter) {
  const std::string_view name = parameter.name;
  const auto has = [&](std::string_view part) { return name.find(part) != name.npos; };
  if (has(".indexer.")) return Group::kIndexer;
  const bool is_matrix = parameter.tensor.dim() == 2;
  const bool is_outside = has("embed_tokens.") || has("lm_head.") || has(".mlp.gate.");
  return is_matrix && !is_outside ? Group::kHidden : Group::kRest;
}

std::vector<Parameter> members_of(const std::vector<Parameter>& parameters, Group group) {
  std::vector<Parameter> members;
  for (const Parameter& parameter : parameters) {
    if (parameter.tensor.requires_grad() && group_of(parameter) == group) {
      members.push_back(parameter);
    }
  }
  return members;
}

}  // namespace levin::train::optim
