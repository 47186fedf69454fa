// Byte-pair merges against the definition: scan for the lowest rank, merge the leftmost, repeat.
#include "text/bpe.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "test_tokenizers.h"
#include "text/tokenizer_json.h"

namespace levin::text {
namespace {

class NaiveEncoder {
 public:
  NaiveEncoder(const std::array<int32_t, 256>& byte_ids, const std::vector<Merge>& merges)
      : byte_ids_(byte_ids), merges_(merges) {
    for (size_t rank = 0; rank < merges.size(); ++rank) {
      ranks_[{merges[rank].left, merges[rank].right}] = rank;
    }
  }

  [[nodiscard]] std::vector<int32_t> encode(const std::string& piece) const {
    std::vector<int32_t> ids;
    for (const char byte : piece) {
      ids.push_back(byte_ids_[static_cast<uint8_t>(byte)]);
    }
    while (true) {
      size_t best_rank = merges_.size();
      size_t best_idx = 0;
      for (size_t idx = 0; idx + 1 < ids.size(); ++idx) {
        const auto found = ranks_.find({ids[idx], ids[idx + 1]});
        if (found != ranks_.end() && found->second < best_rank) {
          best_rank = found->second;
          best_idx = idx;
        }
      }
      if (best_rank == merges_.size()) {
        return ids;
      }
      ids[best_idx] = merges_[best_rank].merged;
      ids.erase(ids.begin() + static_cast<ptrdiff_t>(best_idx) + 1);
    }
  }

 private:
  const std::array<int32_t, 256>& byte_ids_;
  const std::vector<Merge>& merges_;
  std::map<std::pair<int32_t, int32_t>, size_t> ranks_;
};

std::vector<int32_t> fast(const BytePairEncoder& encoder, const std::string& piece) {
  BpeScratch scratch;
  std::vector<int32_t> ids;
  encoder.encode(piece, scratch, ids, [] {});
  return ids;
}

TEST(BytePairEncoder, EqualsTheDefinitionOnTheSmallTokenizer) {
  const TokenizerSpec spec = parse_tokenizer_json(text_data("mini_tokenizer.json"), "mini");
  const BytePairEncoder encoder(spec.byte_ids, spec.merges);
  const NaiveEncoder naive(spec.byte_ids, spec.merges);
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const std::string text = random_text(seed, 60);
    EXPECT_EQ(fast(encoder, text), naive.encode(text));
  }
}

TEST(BytePairEncoder, EqualsTheDefinitionOnRandomMerges) {
  std::array<int32_t, 256> byte_ids{};
  for (size_t byte = 0; byte < byte_ids.size(); ++byte) {
    byte_ids[byte] = static_cast<int32_t>(byte);
  }
  for (uint64_t seed = 0; seed < 50; ++seed) {
    // Pairs of earlier tokens over the letters a to c: many overlaps, pairs listed twice.
    std::vector<Merge> merges;
    std::vector<int32_t> tokens = {'a', 'b', 'c'};
    for (uint64_t idx = 0; idx < 30; ++idx) {
      const auto draw = [&](uint64_t counter) {
        return tokens[base::random_bits(seed, counter) % tokens.size()];
      };
      merges.push_back({draw(2 * idx), draw(2 * idx + 1), static_cast<int32_t>(256 + idx)});
      tokens.push_back(merges.back().merged);
    }
    const BytePairEncoder encoder(byte_ids, merges);
    const NaiveEncoder naive(byte_ids, merges);
    for (uint64_t length = 0; length < 60; ++length) {
      std::string piece;
      for (uint64_t idx = 0; idx < length; ++idx) {
        piece += static_cast<char>('a' + base::random_bits(seed + 1000, length * 64 + idx) % 3);
      }
      EXPECT_EQ(fast(encoder, piece), naive.encode(piece)) << piece;
    }
  }
}

TEST(BytePairEncoder, AmongEqualsTheLeftmostIsMerged) {
  std::array<int32_t, 256> byte_ids{};
  byte_ids['a'] = 1;
  const BytePairEncoder encoder(byte_ids, {{1, 1, 2}});
  EXPECT_EQ(fast(encoder, "aaa"), (std::vector<int32_t>{2, 1}));
}

}  // namespace
}  // namespace levin::text
