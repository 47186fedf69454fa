// Several processes on one accounts file, and processes that are killed in the middle.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "base/random.h"
#include "serve/accounts/books.h"
#include "serve/accounts/ledger.h"

namespace levin::testing {
namespace {

using serve::accounts::Ledger;

/// A child process that runs `work` with the writing end of a pipe. Killed with the object.
class Child {
 public:
  explicit Child(const std::function<void(int pipe)>& work) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    pid_ = ::fork();
    EXPECT_GE(pid_, 0);
    if (pid_ == 0) {
      ::close(ends[0]);
      int status = 0;
      try {
        work(ends[1]);
      } catch (const std::exception& error) {
        std::fprintf(stderr, "child: %s\n", error.what());
        status = 1;
      }
      ::_exit(status);  // no destructors: they belong to the parent
    }
    ::close(ends[1]);
    pipe_ = ends[0];
  }
  ~Child() {
    kill();
    ::close(pipe_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// The next number that the child wrote; nothing once it has ended.
  [[nodiscard]] std::optional<int64_t> read() const {
    int64_t value = 0;
    return ::read(pipe_, &value, sizeof(value)) == sizeof(value) ? std::optional(value)
                                                                 : std::nullopt;
  }
  void kill() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
      pid_ = -1;
    }
  }

 private:
  pid_t pid_ = -1;
  int pipe_ = -1;
};

void write_number(int pipe, int64_t value) {
  if (::write(pipe, &value, sizeof(value)) != sizeof(value)) {
    ::_exit(1);
  }
}

class Processes : public AccountsFileTest {
 protected:
  static constexpr int64_t kReserved = 50;

  /// Reserves and settles without end. Writes each cost before and after it is charged.
  void spend_until_killed(int64_t key_id, uint64_t seed, int pipe) const {
    Ledger ledger(path(), 0);
    for (uint64_t draw = 0;; ++draw) {
      const auto cost = static_cast<int64_t>(1 + base::random_bits(seed, draw) % kReserved);
      const auto reservation = ledger.reserve(key_id, pico(kReserved));
      (void)ledger.reserve(key_id, pico(1));  // one that never ends
      if (!reservation.has_value()) {
        ::_exit(1);
      }
      write_number(pipe, cost);
      (void)ledger.settle(key_id, reservation, {.completion_tokens = 1}, pico(cost), 0);
      write_number(pipe, cost);
    }
  }

  /// One child, killed after a random time; then the books are checked.
  void kill_one(int64_t key_id, uint64_t round) {
    const int64_t charged_before = usage().charged.picousd();
    const int64_t requests_before = usage().requests;
    Child child([&](int pipe) { spend_until_killed(key_id, round, pipe); });
    std::vector<int64_t> told = {child.read().value_or(0)};  // it is at work
    ASSERT_GT(told.front(), 0);
    std::this_thread::sleep_for(std::chrono::microseconds(base::random_bits(99, round) % 20'000));
    child.kill();
    while (const auto cost = child.read()) {
      told.push_back(*cost);
    }
    int64_t charged = 0;  // by the completed settlements; told holds each cost twice
    for (size_t i = 1; i < told.size(); i += 2) {
      charged += told[i];
    }
    const auto completed = static_cast<int64_t>(told.size() / 2);
    const bool is_one_open = told.size() % 2 == 1;
    const int64_t extra_requests = usage().requests - requests_before - completed;
    const int64_t extra_charged = usage().charged.picousd() - charged_before - charged;
    ASSERT_TRUE(extra_requests == 0 || (is_one_open && extra_requests == 1)) << extra_requests;
    ASSERT_EQ(extra_charged, extra_requests == 0 ? 0 : told.back());
    const Ledger next(path(), 0);
    ASSERT_EQ(balance("a").reserved, pico(0));
    expect_books_balance(path());
  }
};

TEST_F(Processes, TogetherNeverOverdraw) {
  constexpr int64_t kAffordable = 30;
  const int64_t key_id = create("a", pico(kAffordable * kReserved)).key.id;
  const auto spend = [&](int pipe) {
    Ledger ledger(path(), 0);
    for (int i = 0; i < 25; ++i) {
      const auto reservation = ledger.reserve(key_id, pico(kReserved));
      if (reservation.has_value()) {
        (void)ledger.settle(key_id, reservation, {.completion_tokens = 1}, pico(kReserved), 0);
        write_number(pipe, 1);
      }
    }
  };
  const Child first(spend);
  const Child second(spend);
  int64_t served = 0;
  while (first.read().has_value()) {
    ++served;
  }
  while (second.read().has_value()) {
    ++served;
  }
  EXPECT_EQ(served, kAffordable);
  EXPECT_EQ(usage().requests, kAffordable);
  EXPECT_EQ(balance("a").total(), pico(0));
  expect_books_balance(path());
}

TEST_F(Processes, KilledAtRandomPointsLoseNothingAndChargeNothingTwice) {
  const int64_t key_id = create("a", pico(1'000'000'000)).key.id;
  for (uint64_t round = 0; round < 25 && !HasFailure(); ++round) {
    kill_one(key_id, round);
  }
}

class ProcessesSlow : public Processes {};

TEST_F(ProcessesSlow, KilledFiveHundredTimesLoseNothingAndChargeNothingTwice) {
  const int64_t key_id = create("a", pico(1'000'000'000)).key.id;
  for (uint64_t round = 1000; round < 1500 && !HasFailure(); ++round) {
    kill_one(key_id, round);
  }
}

}  // namespace
}  // namespace levin::testing
