#include "train/run/version.h"

namespace levin::train::run {

const char* version() noexcept { return LEVIN_VERSION; }

}  // namespace levin::train::run
