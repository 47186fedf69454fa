// What this machine can do, measured or asked before the first step.
#pragma once

#include <cstdint>
#include <string>

namespace levin::train::run {

inline constexpr double kLeastGflopsPerCore = 20.0;

/// Median rate of a [512, 512] x [512, 512] float32 product on the threads that LibTorch has.
double measure_sgemm_gflops();

/// A sentence if the rate means that LibTorch runs on the reference BLAS; else empty.
std::string sgemm_warning(double gflops, int threads);

}  // namespace levin::train::run
