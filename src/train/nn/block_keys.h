// What a block of queries attends to: every earlier token of its documents, or a selection of them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "train/nn/query_blocks.h"
#include "train/nn/selection.h"

namespace levin::train::nn {

/// The keys of a block of queries and the mask on its scores. Without a selection the keys are all
/// tokens up to the last query. With one, they are the same under a mask, or, where the block's
/// queries together select few enough tokens that copying those is cheaper, only the selected ones.
class BlockKeys {
 public:
  /// `selection` may be null. `options` carry the dtype of the scores.
  BlockKeys(const QueryBlock& block, const Selection* selection, const at::TensorOptions& options);

  /// Columns of the block's score matrix.
  [[nodiscard]] int64_t columns() const { return columns_; }

  /// The keys' rows of `x`: [tokens, heads, dim] -> [documents, heads, columns, dim], a view of x
  /// or a copy of the selected rows.
  [[nodiscard]] at::Tensor rows(const at::Tensor& x) const;

  /// A tensor like rows(x) to accumulate into: rows(x) itself, or zeros where that is a copy; then
  /// add_rows() brings the sum back to `x`.
  [[nodiscard]] at::Tensor accumulator(const at::Tensor& x) const;
  void add_rows(const at::Tensor& accumulated, const at::Tensor& x) const;

  /// Adds -inf to `scores` [documents, heads, queries, columns] wherever a query may not look.
  void mask(const at::Tensor& scores) const;

 private:
  void select(const Selection& selection, const at::TensorOptions& options);

  QueryBlock block_;
  int64_t columns_ = 0;
  at::Tensor gathered_;  // [columns] i64, ascending positions in the pack; undefined without a copy
  at::Tensor mask_;      // [documents, 1, queries, columns], or of the last `queries` columns alone
};

}  // namespace levin::train::nn
