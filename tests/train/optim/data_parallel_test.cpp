// Two ranks against one rank with the doubled batch.
#include "train/optim/data_parallel.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "train/optim/free_port.h"

namespace levin::train::optim {
namespace {

using levin::testing::free_port;

/// Calls `body` as each of two ranks that meet.
void run_two_ranks(const std::function<void(DataParallel&)>& body, int wait_s = 30) {
  const uint16_t port = free_port();
  std::vector<std::thread> threads;
  for (int rank = 0; rank < 2; ++rank) {
    threads.emplace_back([&body, port, rank, wait_s] {
      DataParallel group({.rank = rank, .ranks = 2, .port = port},
                         {.meet_s = 30, .wait_s = wait_s});
      body(group);
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
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

  std::vector<std::vector<Parameter>> models = {make_model(), make_model()};
  run_two_ranks([&](DataParallel& group) {
    const int rank = group.rank();
    (loss_of(models[rank], rows.narrow(0, 4 * rank, 4), rank == 0) / 8).backward();
    group.sum_gradients(models[rank]);
  });
  for (size_t i = 0; i < whole.size(); ++i) {
    EXPECT_LT((models[0][i].tensor.grad() - whole[i].tensor.grad()).abs().max().item<float>(),
              1e-6);
    EXPECT_TRUE(at::equal(models[0][i].tensor.grad(), models[1][i].tensor.grad()));
  }
}

TEST(DataParallel, OneRankKeepsItsGradients) {
  const std::vector<Parameter> model = make_model();
  loss_of(model, at::ones({1, 4}), true).backward();
  const at::Tensor before = model[0].tensor.grad().clone();
  DataParallel group({.port = free_port()}, {.meet_s = 30});
  group.sum_gradients(model);
  EXPECT_TRUE(at::equal(model[0].tensor.grad(), before));
}

TEST(DataParallel, RanksThatDisagreeAreTold) {
  run_two_ranks([](DataParallel& group) {
    EXPECT_NO_THROW(group.require_same(7, "recipe"));
    if (group.rank() == 0) {
      EXPECT_NO_THROW(group.require_same(1, "recipe"));
    } else {
      EXPECT_THROW(group.require_same(2, "recipe"), base::Error);
    }
  });
}

TEST(DataParallel, SaysThatAnotherRankIsTooSlow) {
  run_two_ranks(
      [](DataParallel& group) {
        if (group.rank() == 1) {
          std::this_thread::sleep_for(std::chrono::milliseconds(2500));
          return;
        }
        try {
          (void)group.sum(1);
          FAIL();
        } catch (const base::Error& error) {
          EXPECT_EQ(error.code(), base::ErrorCode::kIo);
          EXPECT_NE(std::string(error.what()).find("rank 0 has waited 1 s for another rank"),
                    std::string::npos)
              << error.what();
        }
      },
      1);
}

TEST(DataParallel, SaysThatTheOtherRanksDidNotCome) {
  const RankPlace lonely{.rank = 0, .ranks = 2, .port = free_port()};
  EXPECT_THROW(DataParallel(lonely, {.meet_s = 1}), base::Error);
  EXPECT_THROW(DataParallel({.rank = 2, .ranks = 2}, {.meet_s = 1}), base::Error);
}

}  // namespace
}  // namespace levin::train::optim
