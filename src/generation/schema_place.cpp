#include "generation/schema_place.h"

#include <vector>

namespace levin::generation {

std::string place_text(const SchemaPlace* place) {
  std::vector<const SchemaPlace*> steps;
  for (; place != nullptr; place = place->parent) {
    steps.push_back(place);
  }
  std::string text;
  for (size_t idx = steps.size(); idx-- > 0;) {
    if (steps[idx]->parent == nullptr) {
      text += steps[idx]->key;
      continue;
    }
    text += '/';
    for (const char byte : steps[idx]->key) {
      text += byte == '~' ? "~0" : byte == '/' ? "~1" : std::string(1, byte);
    }
  }
  return text;
}

}  // namespace levin::generation
