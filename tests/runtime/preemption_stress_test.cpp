// Random arrivals, lengths, pauses, cancellations and failing steps over a pool that is too small
// for them. The rows of the pages are hashes of everything before them, so that a wrong, stale or
// foreign page shows.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "base/random.h"
#include "runtime/scheduler.h"
#include "scheduler_helpers.h"

namespace levin::runtime {
namespace {

using kernels::kPageTokens;

constexpr int64_t kRowBytes = sizeof(uint64_t);
constexpr int64_t kPoolPages = 24;
constexpr int64_t kMostPrompt = 200;
constexpr size_t kMostAlive = 12;
constexpr int64_t kMostNew = 900;

/// The row of a token: of all before it, and of the form in which it is computed.
uint64_t row_of(uint64_t previous, int32_t token, bool is_decode) {
  return base::random_bits(previous, static_cast<uint64_t>(token) * 2 + (is_decode ? 1 : 0));
}

/// The rows of a whole sequence as an engine without other requests computes them.
std::vector<uint64_t> rows_of(const Sequence& sequence) {
  std::vector<uint64_t> rows;
  uint64_t row = sequence.request.prefix_salt;
  for (int64_t pos = 0; pos < sequence.token_count(); ++pos) {
    row = row_of(row, sequence.tokens[static_cast<size_t>(pos)], pos >= sequence.prompt_tokens());
    rows.push_back(row);
  }
  return rows;
}

int32_t token_after(uint64_t row) { return static_cast<int32_t>(row % 50); }

class PreemptionStress : public ::testing::TestWithParam<uint64_t> {
 protected:
  /// A number in [0, limit).
  int64_t random(int64_t limit) {
    return static_cast<int64_t>(base::random_bits(GetParam(), counter_++) %
                                static_cast<uint64_t>(limit));
  }

  void arrive() {
    auto sequence =
        testing::make_sequence(++last_id_, 1 + random(kMostPrompt), 1 + random(kMostNew),
                               static_cast<int32_t>(100 * random(3)));
    sequence->request.wants_prompt_logprobs = random(5) == 0;
    sequence->request.prefix_salt = static_cast<uint64_t>(random(2));
    alive_.insert(last_id_);
    scheduler_.add(std::move(sequence));
  }

  RequestId somebody() {
    return alive_.empty() ? 0 : *std::next(alive_.begin(), random(std::ssize(alive_)));
  }

  void disturb() {
    if (alive_.size() < kMostAlive && random(4) == 0) {
      arrive();
    }
    if (const RequestId id = somebody(); random(300) == 0 && id != 0) {
      alive_.erase(id);
      paused_.erase(id);
      EXPECT_NE(scheduler_.remove(id), nullptr);
    }
    if (const RequestId id = somebody(); random(20) == 0 && id != 0) {
      const bool is_paused = paused_.erase(id) == 0 && random(4) == 0;
      if (is_paused) {
        paused_.insert(id);
      }
      scheduler_.set_paused(id, is_paused);
    }
  }

  uint64_t* row_memory(const Sequence& sequence, int64_t pos) {
    std::byte* page = sequence.pages->data()[pos / kPageTokens];
    return reinterpret_cast<uint64_t*>(page + pos % kPageTokens * kRowBytes);
  }

  /// What the forward pass does: reads every row before the chunk, writes those of the chunk.
  void compute(const PlannedChunk& chunk) {
    const Sequence& sequence = *chunk.sequence;
    const std::vector<uint64_t> rows = rows_of(sequence);
    for (int64_t pos = 0; pos < sequence.computed_tokens; ++pos) {
      ASSERT_EQ(*row_memory(sequence, pos), rows[static_cast<size_t>(pos)])
          << "row " << pos << " of sequence " << sequence.id;
    }
    for (int64_t i = 0; i < chunk.tokens; ++i) {
      const int64_t pos = sequence.computed_tokens + i;
      uint64_t before =
          pos == 0 ? sequence.request.prefix_salt : rows[static_cast<size_t>(pos - 1)];
      *row_memory(sequence, pos) =
          row_of(before, sequence.tokens[static_cast<size_t>(pos)], chunk.is_decode);
    }
  }

  void finish(const PlannedChunk& chunk) {
    Sequence& sequence = *chunk.sequence;
    if (sequence.request.wants_prompt_logprobs && !chunk.is_decode) {
      scored_[sequence.id] += logits_rows(chunk);
    }
    const bool is_due = gives_token(chunk);
    scheduler_.commit(chunk);
    if (!is_due) {
      return;
    }
    const int32_t token = token_after(rows_of(sequence).back());
    sequence.tokens.push_back(token);
    sequence.generated.push_back(token);
    if (sequence.token_count() == sequence.max_tokens) {
      check_answer(sequence);
      alive_.erase(sequence.id);
      paused_.erase(sequence.id);
      (void)scheduler_.remove(sequence.id);
      ++ended_;
    }
  }

  void check_answer(const Sequence& sequence) {
    const std::vector<uint64_t> rows = rows_of(sequence);
    for (size_t i = 0; i < sequence.generated.size(); ++i) {
      const size_t pos = sequence.request.prompt.size() + i;
      ASSERT_EQ(sequence.generated[i], token_after(rows[pos - 1]));
      ASSERT_EQ(sequence.generated[i], sequence.tokens[pos]);
    }
    if (sequence.request.wants_prompt_logprobs) {
      EXPECT_EQ(scored_[sequence.id], sequence.prompt_tokens()) << "each row once";
    }
  }

  void step(bool may_fail) {
    const std::vector<PlannedChunk> chunks = scheduler_.plan();
    check_progress(chunks);
    const bool fails = may_fail && random(10) == 0;  // as when a cancel token fires
    for (const PlannedChunk& chunk : chunks) {
      chunk.take_pages();
      compute(chunk);
    }
    if (!fails) {
      for (const PlannedChunk& chunk : chunks) {
        finish(chunk);
      }
    }
    ASSERT_GE(pool_.available_pages(), 0);
  }

  /// Of those that are not paused, the oldest that runs goes on: with a token, or in its turn.
  void check_progress(const std::vector<PlannedChunk>& chunks) {
    if (alive_.size() > paused_.size()) {
      ASSERT_FALSE(chunks.empty()) << "somebody always can go on";
    }
  }

  PagePool pool_{kPageTokens * kRowBytes, kPoolPages};
  PrefixCache prefixes_{pool_};
  Scheduler scheduler_{pool_, &prefixes_, 128};
  std::set<RequestId> alive_;
  std::set<RequestId> paused_;
  std::map<RequestId, int64_t> scored_;  // rows of logits of the prompt
  RequestId last_id_ = 0;
  uint64_t counter_ = 0;
  int64_t ended_ = 0;
};

TEST_P(PreemptionStress, KeepsEveryRowAndLosesNoPage) {
  for (int i = 0; i < 12000 && !HasFatalFailure(); ++i) {
    disturb();
    step(true);
  }
  EXPECT_GT(scheduler_.preemptions(), 2);
  for (const RequestId id : std::exchange(paused_, {})) {
    scheduler_.set_paused(id, false);
  }
  const int64_t left = std::ssize(alive_);
  for (int64_t i = 0; i < left * 2 * (kMostPrompt + kMostNew) && !alive_.empty(); ++i) {
    step(false);
    ASSERT_FALSE(HasFatalFailure());
  }
  EXPECT_TRUE(scheduler_.is_empty()) << "everybody comes to an end";
  EXPECT_GT(ended_, 20);
  EXPECT_EQ(pool_.held_pages(), 0);
  EXPECT_EQ(pool_.reserved_pages(), 0);
  EXPECT_EQ(pool_.idle_pages(), prefixes_.size());
}

INSTANTIATE_TEST_SUITE_P(Seeds, PreemptionStress, ::testing::Range<uint64_t>(1, 9));

}  // namespace
}  // namespace levin::runtime
