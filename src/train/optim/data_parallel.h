// Gradients that several processes compute together.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "train/optim/parameter.h"

namespace levin::train::optim {

/// One of `ranks` processes that train the same model on parts of every batch, over LibTorch's c10d
/// with gloo. All ranks must make the same calls in the same order.
class DataParallel {
 public:
  /// Meets the other ranks through the file `rendezvous`, which all must reach; delete it before a
  /// new run. Waits until they are there. Throws Error(kIo) if they do not come within `timeout_s`.
  DataParallel(const std::string& rendezvous, int rank, int ranks, int timeout_s = 300);
  ~DataParallel();
  DataParallel(const DataParallel&) = delete;
  DataParallel& operator=(const DataParallel&) = delete;

  /// Replaces every gradient by its sum over the ranks; a parameter that has none here counts as
  /// zero (experts that got no token). Each rank's loss must be its sum divided by the tokens of
  /// all ranks; then the result is the gradient of one rank with the whole batch.
  void sum_gradients(const std::vector<Parameter>& parameters);

  /// Replaces `tensor`, contiguous, by its sum over the ranks: expert loads, losses, token counts.
  void sum(at::Tensor tensor);

  [[nodiscard]] int rank() const { return rank_; }
  [[nodiscard]] int ranks() const { return ranks_; }

 private:
  struct Group;
  std::unique_ptr<Group> group_;
  int rank_;
  int ranks_;
};

}  // namespace levin::train::optim
