// The cases of tests/data/golden.
#pragma once

#include <string>
#include <vector>

namespace levin::testing {

inline std::vector<std::string> all_case_names() {
  return {"v32-f32", "v32-fp8", "v32-fp8-ue8m0", "v3-dense", "v2-lite"};
}

}  // namespace levin::testing
