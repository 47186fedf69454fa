// Learns the merges of a byte-level byte-pair encoding.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/bpe.h"
#include "text/pre_tokenizer.h"

namespace levin::train::data {

/// Counts the pieces of texts, as the pre-tokenizer cuts them. Pieces that contain a digit are left
/// out, so digits never merge: every number is read and copied digit by digit.
class PieceCounter {
 public:
  /// `split` must outlive this.
  explicit PieceCounter(const text::PreTokenizer& split) : split_(split) {}

  void add(std::string_view text);

  /// Piece to its number of appearances, in the order of bytes.
  [[nodiscard]] const std::map<std::string, int64_t, std::less<>>& counts() const noexcept {
    return counts_;
  }

 private:
  const text::PreTokenizer& split_;
  text::RegexScratch scratch_;
  std::map<std::string, int64_t, std::less<>> counts_;
};

struct TrainedBpe {
  std::vector<std::string> tokens;  ///< bytes of each token; id = first_id + index; first the 256
  std::vector<text::Merge> merges;  ///< in order of priority
};

/// Merges the most frequent pair of neighbours again and again, until there are `token_count`
/// tokens. Of pairs with equal counts the one with the lower left id comes first, then the lower
/// right id. Ids begin at `first_id` with the 256 bytes in order. Throws Error(kInvalidArgument) if
/// token_count < 256 or the pieces do not hold enough pairs that occur twice.
/// Source: Sennrich, Haddow and Birch 2016, algorithm 1, on bytes.
[[nodiscard]] TrainedBpe train_bpe(const std::map<std::string, int64_t, std::less<>>& pieces,
                                   int32_t token_count, int32_t first_id);

}  // namespace levin::train::data
