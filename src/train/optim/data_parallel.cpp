#include "train/optim/data_parallel.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <chrono>
#include <exception>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "base/error.h"
#include "train/optim/gradients.h"

namespace levin::train::optim {
namespace {

// Gradients travel in pieces of this size: few messages, bounded memory.
constexpr int64_t kBucketElements = int64_t{1} << 22;

/// Waits for all ranks; gloo has one timeout alone, which is that of its sums.
void meet(c10d::Store& store, const RankPlace& place, std::chrono::milliseconds timeout) {
  std::vector<std::string> keys;
  keys.reserve(static_cast<size_t>(place.ranks));
  for (int rank = 0; rank < place.ranks; ++rank) {
    keys.push_back(fmt::format("levin/rank-{}", rank));
  }
  store.set(keys[static_cast<size_t>(place.rank)], std::vector<uint8_t>{1});
  store.wait(keys, timeout);
}

}  // namespace

struct DataParallel::Group {
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo;
};

DataParallel::DataParallel(const RankPlace& place, const RankTimeouts& timeouts)
    : group_(std::make_unique<Group>()),
      rank_(place.rank),
      ranks_(place.ranks),
      wait_s_(timeouts.wait_s) {
  if (ranks_ < 1 || rank_ < 0 || rank_ >= ranks_) {
    base::throw_error(base::ErrorCode::kInvalidArgument, "data parallel",
                      "rank {} of {} ranks; ranks count from 0", rank_, ranks_);
  }
  try {
    c10d::TCPStoreOptions address;
    address.port = place.port;
    address.isServer = rank_ == 0;
    address.numWorkers = ranks_;
    address.timeout = std::chrono::seconds(timeouts.meet_s);
    auto store = c10::make_intrusive<c10d::TCPStore>(place.host, address);
    meet(*store, place, std::chrono::seconds(timeouts.meet_s));
    auto options = c10d::ProcessGroupGloo::Options::create(std::chrono::seconds(wait_s_));
    options->devices.push_back(c10d::ProcessGroupGloo::createDefaultDevice());
    options->threads = 1;
    group_->gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(store, rank_, ranks_, options);
  } catch (const std::exception& error) {
    const std::string reason = error.what();
    base::throw_error(base::ErrorCode::kIo, fmt::format("{}:{}", place.host, place.port),
                      "rank {} cannot meet the other {} ranks there within {} s ({}); start all "
                      "ranks, with the same MASTER_ADDR and a free MASTER_PORT",
                      rank_, ranks_ - 1, timeouts.meet_s, reason.substr(0, reason.find('\n')));
  }
}

DataParallel::~DataParallel() = default;

void DataParallel::sum(at::Tensor tensor) {
  std::vector<at::Tensor> tensors = {std::move(tensor)};
  const auto start = std::chrono::steady_clock::now();
  try {
    group_->gloo->allreduce(tensors)->wait();
  } catch (const std::exception&) {
    // Gloo's words for the two differ from version to version; the clock does not.
    if (std::chrono::steady_clock::now() - start >= std::chrono::seconds(wait_s_)) {
      base::throw_error(base::ErrorCode::kIo, "data parallel",
                        "rank {} has waited {} s for another rank, which is stuck or far too slow; "
                        "end all ranks and go on with --resume",
                        rank_, wait_s_);
    }
    base::throw_error(base::ErrorCode::kIo, "data parallel",
                      "rank {} lost another rank, whose own message says why; go on with --resume",
                      rank_);
  }
}

int64_t DataParallel::sum(int64_t value) {
  const at::Tensor tensor = at::full({1}, value, at::kLong);
  sum(tensor);
  return tensor.item<int64_t>();
}

void DataParallel::require_same(int64_t value, const std::string& what) {
  // Rank 0's value reaches all: the others add nothing.
  const int64_t first = sum(rank_ == 0 ? value : 0);
  if (value != first) {
    base::throw_error(base::ErrorCode::kInvalidArgument, "data parallel",
                      "rank {} has another {} than rank 0: start all ranks with the same command "
                      "and files",
                      rank_, what);
  }
}

void DataParallel::sum_gradients(const std::vector<Parameter>& parameters) {
  const at::NoGradGuard no_grad;
  fill_missing_gradients(parameters);
  std::vector<at::Tensor> bucket;
  int64_t elements = 0;
  const auto flush = [&] {
    if (bucket.empty()) return;
    std::vector<at::Tensor> flat;
    flat.reserve(bucket.size());
    for (const at::Tensor& gradient : bucket) flat.push_back(gradient.reshape({-1}));
    const at::Tensor joined = at::cat(flat);
    sum(joined);
    int64_t begin = 0;
    for (const at::Tensor& gradient : bucket) {
      gradient.copy_(joined.narrow(0, begin, gradient.numel()).view(gradient.sizes()));
      begin += gradient.numel();
    }
    bucket.clear();
    elements = 0;
  };
  for (const Parameter& parameter : parameters) {
    if (!parameter.tensor.requires_grad()) continue;
    const at::Tensor& gradient = parameter.tensor.grad();
    bucket.push_back(gradient);
    elements += gradient.numel();
    if (elements >= kBucketElements) flush();
  }
  flush();
}

}  // namespace levin::train::optim
