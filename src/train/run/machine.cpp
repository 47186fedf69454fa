#include "train/run/machine.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <vector>

namespace levin::train::run {

double measure_sgemm_gflops() {
  constexpr int64_t kExtent = 512;
  constexpr int kRuns = 7;
  const at::Tensor a = at::ones({kExtent, kExtent});
  const at::Tensor b = at::ones({kExtent, kExtent});
  at::Tensor product = at::mm(a, b);  // the first call starts the threads
  std::vector<double> seconds;
  for (int run = 0; run < kRuns; ++run) {
    const auto start = std::chrono::steady_clock::now();
    at::mm_out(product, a, b);
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::ranges::nth_element(seconds, seconds.begin() + kRuns / 2);
  return 2.0 * kExtent * kExtent * kExtent / seconds[kRuns / 2] * 1e-9;
}

std::string sgemm_warning(double gflops, int threads) {
  if (gflops / threads >= kLeastGflopsPerCore) {
    return {};
  }
  return fmt::format(
      "matrix products run at {:.1f} GFLOP/s a core, {:.0f} or more are usual; install "
      "libopenblas0-openmp, or leave the cores to this program",
      gflops / threads, kLeastGflopsPerCore);
}

}  // namespace levin::train::run
