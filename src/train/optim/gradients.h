// What happens to gradients between the backward pass and the optimizer's step.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "train/optim/parameter.h"

namespace levin::train::optim {

/// Gives every parameter that requires a gradient and has none (an expert that got no token) one of
/// zeros: the optimizers then move it by momentum and decay, as they do where ranks add up theirs.
void fill_missing_gradients(const std::vector<Parameter>& parameters);

/// The 2-norm of all gradients together, summed in double; NaN or infinite if any element is.
double gradient_norm(const std::vector<Parameter>& parameters);

/// Scales the gradients to `max_norm` together if their norm exceeds it. Returns the norm before.
/// Does nothing to gradients whose norm is not finite: ask first_non_finite_gradient() and do not
/// step.
double clip_gradients(const std::vector<Parameter>& parameters, double max_norm);

/// Name of the first parameter whose gradient holds a NaN or an infinity.
[[nodiscard]] std::optional<std::string> first_non_finite_gradient(
    const std::vector<Parameter>& parameters);

/// Drops all gradients.
void clear_gradients(const std::vector<Parameter>& parameters);

}  // namespace levin::train::optim
