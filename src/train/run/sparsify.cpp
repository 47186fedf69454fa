#include "train/run/sparsify.h"

#include "base/error.h"

namespace levin::train::run {
void sparsify_checkpoint(const SparsifyOptions&, const base::CancelToken&, Progress&) {}
}  // namespace levin::train::run
