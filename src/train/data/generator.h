// Makes training documents as a deterministic function of (seed, stage, index).
#pragma once

#include <cstdint>
#include <memory>

#include "text/tokenizer.h"
#include "train/data/corpus.h"
#include "train/data/sample.h"

namespace levin::train::data {

/// Throws Error(kInvalidArgument) naming the key for shares outside [0, 1], empty ranges, negative
/// weights, and for a spec that cannot fit: the most facts and one question must leave room in the
/// shortest document.
void check_spec(const SampleSpec& spec);

/// Immutable after construction; threads may share it.
class Generator {
 public:
  /// `corpus` is the training split, tokenized once here. `tokenizer` must outlive this and have
  /// the marks of DeepSeek's chat format. Throws Error(kInvalidFile) for an empty corpus or a
  /// tokenizer without those marks.
  Generator(const text::Tokenizer& tokenizer, const Corpus& corpus);
  ~Generator();
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  /// Document number `index` of the stage. The same on every machine, whatever was made before.
  /// Throws what check_spec throws.
  [[nodiscard]] Sample make_sample(const SampleSpec& spec, uint64_t seed, int64_t index) const;

  /// Row number `index` of the stage: whole documents while they fit, then prose cut to the length
  /// that is left. Rows share no document. `row_tokens` is T; throws Error(kInvalidArgument) if no
  /// document of the spec fits.
  [[nodiscard]] Row make_row(const SampleSpec& spec, int64_t row_tokens, uint64_t seed,
                             int64_t index) const;

 private:
  struct Data;
  std::unique_ptr<Data> data_;
};

}  // namespace levin::train::data
