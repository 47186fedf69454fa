#include "train/nn/operator_checks.h"

#include <fmt/ranges.h>

#include "base/error.h"

namespace levin::train::nn {
namespace {

bool fits(at::IntArrayRef sizes, const std::vector<int64_t>& wanted) {
  if (sizes.size() != wanted.size()) return false;
  for (size_t dim = 0; dim < wanted.size(); ++dim) {
    if (wanted[dim] >= 0 && wanted[dim] != sizes[dim]) return false;
  }
  return true;
}

}  // namespace

void check_arguments(const char* op, const std::vector<TensorArgument>& arguments) {
  using base::ErrorCode;
  const at::ScalarType dtype = arguments.front().tensor.scalar_type();
  for (const TensorArgument& argument : arguments) {
    const at::Tensor& tensor = argument.tensor;
    if (!fits(tensor.sizes(), argument.sizes)) {
      base::throw_error(ErrorCode::kInvalidArgument, op,
                        "{} has shape [{}], wanted [{}] (-1 is any)", argument.name,
                        fmt::join(tensor.sizes().vec(), ", "), fmt::join(argument.sizes, ", "));
    }
    if (tensor.scalar_type() != dtype || (dtype != at::kFloat && dtype != at::kDouble)) {
      base::throw_error(ErrorCode::kInvalidArgument, op,
                        "{} is {}, {} is {}; all must be Float, or all Double", argument.name,
                        c10::toString(tensor.scalar_type()), arguments.front().name,
                        c10::toString(dtype));
    }
    if (!tensor.device().is_cpu()) {
      base::throw_error(ErrorCode::kInvalidArgument, op, "{} must be on the CPU", argument.name);
    }
  }
}

void check_selection(const char* op, const Selection& selection, int64_t tokens) {
  const at::Tensor& positions = selection.positions;
  if (!positions.defined() || positions.dim() != 2 || positions.size(0) != tokens ||
      positions.scalar_type() != at::kInt || !positions.is_contiguous()) {
    base::throw_error(base::ErrorCode::kInvalidArgument, op,
                      "the selection must be a contiguous Int tensor [{}, topk]", tokens);
  }
}

}  // namespace levin::train::nn
