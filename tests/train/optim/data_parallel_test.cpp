// Two ranks against one rank with the doubled batch.
#include "train/optim/data_parallel.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"

namespace levin::train::optim {
namespace {

std::string rendezvous_file(const std::string& name) {
  const auto path =
      std::filesystem::temp_directory_path() / ("levin_" + name + "_" + std::to_string(getpid()));
  std::filesystem::remove(path);
  return path.string();
}

// A two-layer model; "unused" never gets a gradient on rank 1.
std::vector<Parameter> make_model() {
  return {{"first", at::full({3, 4}, 0.25).set_requires_grad(true)},
          {"second", at::linspace(-1, 1, 2 * 3).view({2, 3}).set_requires_grad(true)},
          {"unused", at::ones({2}).set_requires_grad(true)}};
}

at::Tensor loss_of(const std::vector<Parameter>& model, const at::Tensor& rows, bool uses_all) {
  const at::Tensor hidden = rows.matmul(model[0].tensor.t()).tanh();
  const at::Tensor loss = hidden.matmul(model[1].tensor.t()).square().sum();
  return uses_all ? loss + model[2].tensor.sum() : loss;
}

TEST(DataParallel, TwoRanksGiveTheGradientsOfOneWithTheDoubledBatch) {
  at::manual_seed(1);
  const at::Tensor rows = at::randn({8, 4});
  const std::vector<Parameter> whole = make_model();
  (loss_of(whole, rows, true) / 8).backward();

  const std::string file = rendezvous_file("two_ranks");
  std::vector<std::vector<Parameter>> models = {make_model(), make_model()};
  std::vector<std::thread> threads;
  for (int rank = 0; rank < 2; ++rank) {
    threads.emplace_back([&, rank] {
      DataParallel group(file, rank, 2, 30);
      (loss_of(models[rank], rows.narrow(0, 4 * rank, 4), rank == 0) / 8).backward();
      group.sum_gradients(models[rank]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < whole.size(); ++i) {
    EXPECT_LT((models[0][i].tensor.grad() - whole[i].tensor.grad()).abs().max().item<float>(),
              1e-6);
    EXPECT_TRUE(at::equal(models[0][i].tensor.grad(), models[1][i].tensor.grad()));
  }
  std::filesystem::remove(file);
}

TEST(DataParallel, OneRankKeepsItsGradients) {
  const std::string file = rendezvous_file("one_rank");
  const std::vector<Parameter> model = make_model();
  loss_of(model, at::ones({1, 4}), true).backward();
  const at::Tensor before = model[0].tensor.grad().clone();
  DataParallel group(file, 0, 1, 30);
  group.sum_gradients(model);
  EXPECT_TRUE(at::equal(model[0].tensor.grad(), before));
  std::filesystem::remove(file);
}

TEST(DataParallel, SaysThatTheOtherRanksDidNotCome) {
  const std::string file = rendezvous_file("lonely");
  EXPECT_THROW(DataParallel(file, 0, 2, 1), base::Error);
  EXPECT_THROW(DataParallel(file, 2, 2, 1), base::Error);
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace levin::train::optim
