#include "train/data/bpe_trainer.h"

#include <algorithm>
#include <queue>
#include <unordered_map>

#include "base/error.h"

namespace levin::train::data {
namespace {

constexpr int64_t kLeastCount = 2;

struct Candidate {
  int64_t count = 0;
  uint64_t key = 0;

  /// For a queue whose top has the highest count and, among equals, the lowest key.
  bool operator<(const Candidate& other) const {
    return count != other.count ? count < other.count : key > other.key;
  }
};

/// The pieces as tokens so far, with the counts of all pairs of neighbours.
class MergeTable {
 public:
  MergeTable(const std::map<std::string, int64_t, std::less<>>& pieces, int32_t first_id) {
    for (const auto& [piece, count] : pieces) {
      Word word{{}, count};
      for (const char byte : piece) {
        word.ids.push_back(first_id + static_cast<uint8_t>(byte));
      }
      words_.push_back(std::move(word));
      add_pairs(words_.size() - 1, 1);
    }
    for (const auto& [key, pair] : pairs_) {
      queue_.push({pair.count, key});
    }
  }

  /// The best pair; count 0 if there is none.
  Candidate take_best() {
    while (!queue_.empty()) {
      const Candidate best = queue_.top();
      queue_.pop();
      const int64_t count = pairs_[best.key].count;
      if (count == best.count) {
        return best;
      }
      // An outdated entry: counts that grew were pushed when they did.
      if (count > 0 && count < best.count) {
        queue_.push({count, best.key});
      }
    }
    return {};
  }

  void apply(uint64_t key, int32_t merged) {
    const std::vector<size_t> places = std::move(pairs_[key].words);
    touched_.clear();
    for (const size_t word_idx : places) {
      merge_in_word(word_idx, key, merged);
    }
    pairs_.erase(key);
    std::sort(touched_.begin(), touched_.end());
    touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
    for (const uint64_t changed : touched_) {
      const auto pair = pairs_.find(changed);
      if (pair != pairs_.end() && pair->second.count > 0) {
        queue_.push({pair->second.count, changed});
      }
    }
  }

 private:
  struct Word {
    std::vector<int32_t> ids;
    int64_t count = 0;
  };
  struct Pair {
    int64_t count = 0;
    std::vector<size_t> words;  // where it occurs, or occurred; may repeat
  };

  void add_pairs(size_t word_idx, int64_t sign) {
    const Word& word = words_[word_idx];
    for (size_t idx = 0; idx + 1 < word.ids.size(); ++idx) {
      const uint64_t key = text::pair_key(word.ids[idx], word.ids[idx + 1]);
      Pair& pair = pairs_[key];
      pair.count += sign * word.count;
      if (sign > 0) {
        pair.words.push_back(word_idx);
        touched_.push_back(key);
      }
    }
  }

  void merge_in_word(size_t word_idx, uint64_t key, int32_t merged) {
    std::vector<int32_t>& ids = words_[word_idx].ids;
    const auto is_at = [&](size_t idx) {
      return idx + 1 < ids.size() && text::pair_key(ids[idx], ids[idx + 1]) == key;
    };
    size_t first = 0;
    while (first < ids.size() && !is_at(first)) {
      ++first;
    }
    if (first == ids.size()) {
      return;
    }
    add_pairs(word_idx, -1);
    size_t out = first;
    for (size_t idx = first; idx < ids.size(); ++out) {
      const bool is_pair = is_at(idx);
      const int32_t id = is_pair ? merged : ids[idx];
      idx += is_pair ? 2 : 1;
      ids[out] = id;
    }
    ids.resize(out);
    add_pairs(word_idx, 1);
  }

  std::vector<Word> words_;
  std::unordered_map<uint64_t, Pair> pairs_;
  std::priority_queue<Candidate> queue_;
  std::vector<uint64_t> touched_;
};

}  // namespace

void PieceCounter::add(std::string_view text) {
  split_.split(text, scratch_, [&](std::string_view piece) {
    if (piece.find_first_of("0123456789") != std::string_view::npos) {
      return;
    }
    const auto found = counts_.find(piece);
    if (found != counts_.end()) {
      ++found->second;
    } else {
      counts_.emplace(piece, 1);
    }
  });
}

TrainedBpe train_bpe(const std::map<std::string, int64_t, std::less<>>& pieces, int32_t token_count,
                     int32_t first_id) {
  if (token_count < 256) {
    base::throw_error(base::ErrorCode::kInvalidArgument, "vocab_size",
                      "at least 256 ordinary tokens are needed, one a byte, got {}", token_count);
  }
  TrainedBpe bpe;
  std::unordered_map<std::string, int32_t> ids;
  for (int byte = 0; byte < 256; ++byte) {
    bpe.tokens.emplace_back(1, static_cast<char>(byte));
  }
  MergeTable table(pieces, first_id);
  while (bpe.tokens.size() < static_cast<size_t>(token_count)) {
    const Candidate best = table.take_best();
    if (best.count < kLeastCount) {
      base::throw_error(base::ErrorCode::kInvalidArgument, "vocab_size",
                        "the corpus holds text for {} ordinary tokens only, {} are asked for: use "
                        "more text or a smaller vocabulary",
                        bpe.tokens.size(), token_count);
    }
    const auto left = static_cast<int32_t>(best.key >> 32);
    const auto right = static_cast<int32_t>(best.key & 0xFFFFFFFFU);
    std::string bytes = bpe.tokens[static_cast<size_t>(left - first_id)] +
                        bpe.tokens[static_cast<size_t>(right - first_id)];
    // Two pairs may spell the same token; it keeps its first id.
    const auto [entry, is_new] =
        ids.emplace(bytes, first_id + static_cast<int32_t>(bpe.tokens.size()));
    if (is_new) {
      bpe.tokens.push_back(std::move(bytes));
    }
    bpe.merges.push_back({left, right, entry->second});
    table.apply(best.key, entry->second);
  }
  return bpe;
}

}  // namespace levin::train::data
