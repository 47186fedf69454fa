#include "serve/descriptor_limit.h"

#include <sys/resource.h>

#include <algorithm>

namespace levin::serve {

int64_t raise_descriptor_limit(int64_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return wanted;  // the system does not say: accepting will tell
  }
  const auto asked = static_cast<rlim_t>(wanted);
  if (limit.rlim_cur < asked) {
    const rlim_t before = limit.rlim_cur;
    limit.rlim_cur = std::min(asked, limit.rlim_max);
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
      limit.rlim_cur = before;
    }
  }
  return limit.rlim_cur == RLIM_INFINITY ? wanted : static_cast<int64_t>(limit.rlim_cur);
}

}  // namespace levin::serve
