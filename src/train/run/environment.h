// What has to stand in the environment before the libraries of the trainer start.
#pragma once

#include <string_view>

namespace levin::train::run {

/// The CPU whose kernels OpenBLAS runs, such as "Haswell"; empty where the BLAS is another.
[[nodiscard]] std::string_view blas_core() noexcept;

/// The value of OPENBLAS_CORETYPE that gives this CPU kernels of its vector width; empty if
/// OpenBLAS found such kernels itself. An OpenBLAS older than the CPU takes it for a `Prescott`:
/// 30 instead of 141 GFLOP/s a core, measured with 0.3.21 on a Xeon of 2023. `core`: what OpenBLAS
/// took it for.
[[nodiscard]] std::string_view better_blas_core(std::string_view core, bool has_avx2,
                                                bool has_avx512) noexcept;

/// Sets what is not set yet: OMP_WAIT_POLICY, so that OpenMP's threads sleep at a barrier, and
/// OPENBLAS_CORETYPE where OpenBLAS does not know the CPU. Both are read before main, so the
/// program starts itself again if it set one. Beside another busy process a spinning barrier waits
/// for whole time slices: 66 against 2,300 tokens/s, measured; on an idle machine sleeping costs
/// about a fifth at the shortest rows.
void prepare_environment(char** argv);

/// Freed memory stays with the process. A step frees and takes the same large tensors over and
/// over; glibc gives each back to the kernel, which clears its pages anew: 68 instead of 46 CPU
/// seconds for 12 steps of 4,096 tokens in rows of 256, measured on recipes/mini.
void keep_freed_memory() noexcept;

}  // namespace levin::train::run
