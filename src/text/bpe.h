// Byte-pair encoding of one piece of text.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/function_ref.h"

namespace levin::text {

/// A rule "left followed by right becomes merged"; rules are listed in order of priority.
struct Merge {
  int32_t left = 0;
  int32_t right = 0;
  int32_t merged = 0;
};

/// A key of two neighbours, in the order of (left, right).
[[nodiscard]] constexpr uint64_t pair_key(int32_t left, int32_t right) noexcept {
  return (static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32) | static_cast<uint32_t>(right);
}

/// Working memory of BytePairEncoder::encode, kept between calls to spare allocations.
struct BpeScratch {
  std::vector<int32_t> ids;     // [bytes of the piece] token that starts at this byte
  std::vector<uint32_t> ranks;  // [bytes] rank of the merge of this token and the next
  std::vector<uint32_t> next;   // [bytes] start of the next token
  std::vector<uint32_t> prev;   // [bytes] start of the token before
  std::vector<uint64_t> queue;  // heap of rank << 32 | position
};

class BytePairEncoder {
 public:
  /// `byte_ids`: token of every single byte. `merges` in order of priority; a pair that is listed
  /// twice keeps its last place, as in the reference reader. At most 2^32 - 2 merges.
  BytePairEncoder(const std::array<int32_t, 256>& byte_ids, const std::vector<Merge>& merges);

  /// Appends the tokens of `piece` (less than 4 GiB) to `out`: starts from single bytes and applies
  /// the merge of lowest rank, leftmost among equals, until none applies. Time O(n log n). `pause`
  /// is called now and then, and may throw.
  void encode(std::string_view piece, BpeScratch& scratch, std::vector<int32_t>& out,
              base::FunctionRef<void()> pause) const;

 private:
  [[nodiscard]] uint32_t rank_of(int32_t left, int32_t right) const;
  void start(std::string_view piece, BpeScratch& scratch) const;
  void apply_merge(uint32_t pos, uint32_t length, BpeScratch& scratch) const;

  std::array<int32_t, 256> byte_ids_;
  std::vector<int32_t> merged_ids_;               // [merges]
  std::unordered_map<uint64_t, uint32_t> ranks_;  // pair_key -> rank
};

}  // namespace levin::text
