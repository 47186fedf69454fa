#include "train/optim/data_parallel.h"

#include <ATen/ATen.h>

#include <chrono>
#include <exception>
#include <torch/csrc/distributed/c10d/FileStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include "base/error.h"

namespace levin::train::optim {
namespace {

// Gradients travel in pieces of this size: few messages, bounded memory.
constexpr int64_t kBucketElements = int64_t{1} << 22;

}  // namespace

struct DataParallel::Group {
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo;
};

DataParallel::DataParallel(const std::string& rendezvous, int rank, int ranks, int timeout_s)
    : group_(std::make_unique<Group>()), rank_(rank), ranks_(ranks) {
  if (ranks < 1 || rank < 0 || rank >= ranks) {
    base::throw_error(base::ErrorCode::kInvalidArgument, "data parallel",
                      "rank {} of {} ranks; ranks count from 0", rank, ranks);
  }
  try {
    const auto timeout = std::chrono::seconds(timeout_s);
    auto store = c10::make_intrusive<c10d::FileStore>(rendezvous, ranks);
    store->setTimeout(timeout);
    auto options = c10d::ProcessGroupGloo::Options::create(timeout);
    options->devices.push_back(c10d::ProcessGroupGloo::createDefaultDevice());
    options->threads = 1;
    group_->gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(store, rank, ranks, options);
  } catch (const std::exception& error) {
    base::throw_error(base::ErrorCode::kIo, rendezvous,
                      "rank {} cannot meet the other {} ranks within {} s ({})", rank, ranks - 1,
                      timeout_s, error.what());
  }
}

DataParallel::~DataParallel() = default;

void DataParallel::sum(at::Tensor tensor) {
  std::vector<at::Tensor> tensors = {std::move(tensor)};
  try {
    group_->gloo->allreduce(tensors)->wait();
  } catch (const std::exception& error) {
    base::throw_error(base::ErrorCode::kIo, "data parallel",
                      "rank {} lost another rank while summing ({})", rank_, error.what());
  }
}

void DataParallel::sum_gradients(const std::vector<Parameter>& parameters) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> bucket;
  int64_t elements = 0;
  const auto flush = [&] {
    if (bucket.empty()) return;
    std::vector<at::Tensor> flat;
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
    at::Tensor& gradient = parameter.tensor.mutable_grad();
    if (!gradient.defined()) gradient = at::zeros_like(parameter.tensor);
    bucket.push_back(gradient);
    elements += gradient.numel();
    if (elements >= kBucketElements) flush();
  }
  flush();
}

}  // namespace levin::train::optim
