// Gradients that several processes compute together.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "train/optim/parameter.h"

namespace levin::train::optim {

/// Which of how many processes this is, and where rank 0 listens.
struct RankPlace {
  int rank = 0;
  int ranks = 1;
  std::string host = "127.0.0.1";
  uint16_t port = 29500;
};

struct RankTimeouts {
  int meet_s = 300;  ///< until all ranks are there
  /// For another rank within one sum: loading a large parent or a step under swap takes minutes.
  int wait_s = 1800;
};

/// One of several processes that train the same model on parts of every batch, over LibTorch's c10d
/// with gloo. All ranks must make the same calls in the same order.
class DataParallel {
 public:
  /// Meets the other ranks at rank 0's address. Waits until all are there. Throws
  /// Error(kInvalidArgument) for a rank that cannot be, Error(kIo) if the others do not come within
  /// meet_s or the port is taken. Every call below throws Error(kIo) if another rank ends, or does
  /// not make the call within wait_s.
  explicit DataParallel(const RankPlace& place, const RankTimeouts& timeouts = {});
  ~DataParallel();
  DataParallel(const DataParallel&) = delete;
  DataParallel& operator=(const DataParallel&) = delete;

  /// Replaces every gradient by its sum over the ranks; a parameter that has none here counts as
  /// zero (experts that got no token). Each rank's loss must be its sum divided by the tokens of
  /// all ranks; then the result is the gradient of one rank with the whole batch.
  void sum_gradients(const std::vector<Parameter>& parameters);

  /// Replaces `tensor`, contiguous, by its sum over the ranks: expert loads, losses, token counts.
  void sum(at::Tensor tensor);
  [[nodiscard]] int64_t sum(int64_t value);

  /// Throws Error(kInvalidArgument) on this rank if the ranks do not agree about `value`; `what`
  /// names it in the sentence. Takes part in a sum, so all ranks wait for each other here.
  void require_same(int64_t value, const std::string& what);

  [[nodiscard]] int rank() const { return rank_; }
  [[nodiscard]] int ranks() const { return ranks_; }

 private:
  struct Group;
  std::unique_ptr<Group> group_;
  int rank_;
  int ranks_;
  int wait_s_;
};

}  // namespace levin::train::optim
