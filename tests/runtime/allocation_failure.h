// Makes one allocation of the calling thread fail, as if the system had no more memory.
#pragma once

#include <cstdint>

namespace levin::testing {

/// False with ThreadSanitizer, whose runtime has an operator new of its own: tests that need a
/// failure skip then.
#ifdef LEVIN_SANITIZED_THREAD
inline constexpr bool kAllocationsCanFail = false;
#else
inline constexpr bool kAllocationsCanFail = true;
#endif

/// After `allocations` more of this thread's calls of operator new, one throws std::bad_alloc.
void fail_allocation(int64_t allocations) noexcept;

/// From now on none fails; true if one has failed since fail_allocation.
bool stop_failing_allocations() noexcept;

}  // namespace levin::testing
