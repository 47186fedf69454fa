#include "kernels/op_table.h"

#include <cstdlib>
#include <string>

#include "base/error.h"

namespace levin::kernels {
namespace {

#ifdef LEVIN_X86_KERNELS

// F16C came with AVX2 in every CPU; clang 14 cannot ask for it.
bool cpu_has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

bool cpu_has_avx512() {
  return cpu_has_avx2() && __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vbmi") &&
         __builtin_cpu_supports("avx512bf16");
}

#endif

constexpr std::string_view kKnownNames[] = {"ref", "avx2", "avx512"};

std::string join_names(const TableList& list) {
  std::string names;
  for (int i = 0; i < list.count; ++i) {
    names += (names.empty() ? "" : ", ") + std::string(list.tables[i]->name);
  }
  return names;
}

}  // namespace

TableList supported_tables() {
  TableList list;
  list.tables[list.count++] = &ref::table();
#ifdef LEVIN_X86_KERNELS
  if (cpu_has_avx2()) {
    list.tables[list.count++] = &avx2::table();
  }
  if (cpu_has_avx512()) {
    list.tables[list.count++] = &avx512::table();
  }
#endif
  return list;
}

const OpTable& select_table(std::string_view requested) {
  const TableList list = supported_tables();
  if (requested.empty()) {
    return *list.tables[list.count - 1];
  }
  for (int i = 0; i < list.count; ++i) {
    if (list.tables[i]->name == requested) {
      return *list.tables[i];
    }
  }
  for (const std::string_view known : kKnownNames) {
    if (known == requested) {
      base::throw_error(base::ErrorCode::kInvalidArgument, "LEVIN_ISA",
                        "this CPU cannot run the instruction set {}; choose one of: {}", requested,
                        join_names(list));
    }
  }
  base::throw_error(base::ErrorCode::kInvalidArgument, "LEVIN_ISA",
                    "unknown instruction set \"{}\"; choose one of: {}", requested,
                    join_names(list));
}

const OpTable& select_table_from_environment() {
  const char* name = std::getenv("LEVIN_ISA");  // NOLINT(concurrency-mt-unsafe): read at start
  return select_table(name == nullptr ? std::string_view{} : std::string_view{name});
}

}  // namespace levin::kernels
