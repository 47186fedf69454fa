#include "train/run/environment.h"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>
#include <string>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace levin::train::run {
namespace {

/// OpenBLAS' cores without AVX2, as far as a CPU with AVX2 may be taken for them.
constexpr std::array<std::string_view, 9> kOldCores = {"Generic",   "Katmai",   "Coppermine",
                                                       "Northwood", "Prescott", "Core2",
                                                       "Penryn",    "Nehalem",  "Sandybridge"};

bool is_set(const char* name) { return std::getenv(name) != nullptr; }

/// Comes back only if it fails; then the program runs as it was started.
void start_again(char** argv) {
  std::array<char, PATH_MAX> path{};
  // Not /proc/self/exe: the process would be called `exe`.
  if (::readlink("/proc/self/exe", path.data(), path.size() - 1) > 0) {
    ::execv(path.data(), argv);
  }
}

}  // namespace

std::string_view blas_core() noexcept {
  using CoreName = char* (*)();
  // POSIX lets an object pointer of dlsym be a function; C++ has no other way to say so.
  const auto core_name = reinterpret_cast<CoreName>(::dlsym(RTLD_DEFAULT, "openblas_get_corename"));
  return core_name != nullptr ? core_name() : std::string_view();
}

std::string_view better_blas_core(std::string_view core, bool has_avx2, bool has_avx512) noexcept {
  if (std::ranges::find(kOldCores, core) == kOldCores.end() || !has_avx2) {
    return {};
  }
  return has_avx512 ? "SKYLAKEX" : "HASWELL";
}

void prepare_environment(char** argv) {
  bool has_changed = false;
  if (!is_set("OMP_WAIT_POLICY") && !is_set("GOMP_SPINCOUNT")) {
    ::setenv("OMP_WAIT_POLICY", "passive", 1);
    has_changed = true;
  }
  if (!is_set("OPENBLAS_CORETYPE")) {
#if defined(__x86_64__)
    const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool has_avx512 =
        __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    const std::string core(better_blas_core(blas_core(), has_avx2, has_avx512));
    if (!core.empty()) {
      ::setenv("OPENBLAS_CORETYPE", core.c_str(), 1);
      has_changed = true;
    }
#endif
  }
  if (has_changed) {
    start_again(argv);
  }
}

void keep_freed_memory() noexcept {
#if defined(__GLIBC__)
  ::mallopt(M_MMAP_MAX, 0);
  ::mallopt(M_TRIM_THRESHOLD, -1);
  ::mallopt(M_TOP_PAD, 64 << 20);
#endif
}

}  // namespace levin::train::run
