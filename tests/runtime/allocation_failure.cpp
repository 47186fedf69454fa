#include "runtime/allocation_failure.h"

#include <cstdlib>
#include <new>

namespace levin::testing {
namespace {

constexpr int64_t kNever = -1;
constinit thread_local int64_t allocations_left = kNever;
constinit thread_local bool has_failed = false;

}  // namespace

void fail_allocation(int64_t allocations) noexcept {
  allocations_left = allocations;
  has_failed = false;
}

bool stop_failing_allocations() noexcept {
  allocations_left = kNever;
  return has_failed;
}

[[maybe_unused]] static bool fails_now() noexcept {
  if (allocations_left == kNever || allocations_left-- > 0) {
    return false;
  }
  has_failed = true;
  return true;
}

}  // namespace levin::testing

#ifndef LEVIN_SANITIZED_THREAD
void* operator new(size_t size) {
  void* memory = levin::testing::fails_now() ? nullptr : std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  return memory;
}

// Sanitizers bring each form of their own, and complain where forms of both meet.
void* operator new(size_t size, const std::nothrow_t& /*tag*/) noexcept {
  return levin::testing::fails_now() ? nullptr : std::malloc(size == 0 ? 1 : size);
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t& /*tag*/) noexcept { std::free(memory); }
void operator delete(void* memory, size_t /*size*/) noexcept { std::free(memory); }
#endif
