#include "train/optim/parameter.h"

#include <fmt/ranges.h>

#include "base/error.h"

namespace levin::train::optim {

const at::Tensor& find_state(const State& state, const std::string& name, at::IntArrayRef sizes,
                             at::ScalarType dtype) {
  for (const auto& [entry, tensor] : state) {
    if (entry != name) continue;
    if (tensor.sizes() != sizes || tensor.scalar_type() != dtype) {
      base::throw_error(base::ErrorCode::kInvalidFile, name,
                        "optimizer state is {} [{}], expected {} [{}]; it belongs to another model",
                        c10::toString(tensor.scalar_type()), fmt::join(tensor.sizes().vec(), ", "),
                        c10::toString(dtype), fmt::join(sizes.vec(), ", "));
    }
    return tensor;
  }
  base::throw_error(base::ErrorCode::kNotFound, name,
                    "the optimizer state lacks this tensor; it belongs to another run");
}

}  // namespace levin::train::optim
