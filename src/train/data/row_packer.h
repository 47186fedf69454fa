// Packs documents into a row of a fixed number of predictions.
#pragma once

#include <cstdint>

#include "train/data/sample.h"

namespace levin::train::data {

class RowPacker {
 public:
  /// `row_tokens` predictions; at least 1.
  explicit RowPacker(int64_t row_tokens);

  /// Predictions that are left. A document of n tokens takes n - 1.
  [[nodiscard]] int64_t room() const noexcept {
    return row_tokens_ - static_cast<int64_t>(row_.inputs.size());
  }

  /// The sample must fit and have at least two tokens.
  void add(const Sample& sample);

  /// The row; room() must be 0.
  [[nodiscard]] Row take();

 private:
  int64_t row_tokens_;
  Row row_;
};

}  // namespace levin::train::data
