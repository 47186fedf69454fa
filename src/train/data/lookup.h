// Plans a look-up document: which facts, which questions, and how much prose is left room for.
#pragma once

#include <cstdint>

#include "train/data/document.h"
#include "train/data/random_stream.h"
#include "train/data/sample.h"
#include "train/data/sample_writer.h"

namespace levin::train::data {

/// What look-up documents are made of; all must outlive the call.
struct LookupSource {
  const text::Tokenizer& tokenizer;
  const Marks& marks;
  const Prose& prose;
  const std::vector<std::string>& words;  ///< values of word attributes
};

/// About what a fact, and everything else of a document with one question, take at most. A document
/// shorter than kFrameTokens + facts * kFactTokens is refused by check_spec.
inline constexpr int64_t kFactTokens = 13;
inline constexpr int64_t kFrameTokens = 38;

/// A training document of at most `tokens` tokens. The number of facts is limited by what fits;
/// questions are left out, then facts, if made-up names turn out longer than that, and drawn anew
/// if not even one question fits. Throws Error(kInvalidArgument) if that never helps.
[[nodiscard]] Sample make_lookup(const LookupSource& source, const SampleSpec& spec, int64_t tokens,
                                 RandomStream& random);

}  // namespace levin::train::data
