#include "train/nn/block_keys.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <limits>
#include <vector>

namespace levin::train::nn {
namespace {

// Columns are worth copying when fewer than this share of them is selected by any query.
constexpr double kGatherShare = 0.75;

// Scatters zeros into a mask of -inf; column_of maps a position, counted from the document's begin.
template <typename Scalar>
void allow_selected(const QueryBlock& block, const at::Tensor& positions,
                    const std::vector<int32_t>& column_of, const at::Tensor& mask) {
  const int32_t* selected = positions.data_ptr<int32_t>();
  Scalar* allowed = mask.data_ptr<Scalar>();
  const int64_t topk = positions.size(1);
  for (int64_t document = 0; document < block.documents; ++document) {
    const int64_t begin = block.first_token + document * block.document_tokens;
    for (int64_t query = 0; query < block.queries; ++query) {
      const int32_t* row = selected + (begin + block.query_begin + query) * topk;
      Scalar* out = allowed + (document * block.queries + query) * mask.size(3);
      for (int64_t i = 0; i < topk && row[i] >= 0; ++i) {
        const int64_t position = row[i] - begin;
        out[column_of.empty() ? position : column_of[position]] = 0;
      }
    }
  }
}

// Positions, from the document's begin, that any query of the block selects, in order.
std::vector<int64_t> selected_by_any(const QueryBlock& block, const at::Tensor& positions) {
  const int32_t* selected = positions.data_ptr<int32_t>();
  const int64_t topk = positions.size(1);
  std::vector<uint8_t> is_selected(block.kv_tokens());
  for (int64_t query = 0; query < block.queries; ++query) {
    const int32_t* row = selected + (block.first_token + block.query_begin + query) * topk;
    for (int64_t i = 0; i < topk && row[i] >= 0; ++i) {
      is_selected[row[i] - block.first_token] = 1;
    }
  }
  std::vector<int64_t> any;
  for (int64_t position = 0; position < block.kv_tokens(); ++position) {
    if (is_selected[position] != 0) any.push_back(position);
  }
  return any;
}

}  // namespace

BlockKeys::BlockKeys(const QueryBlock& block, const Selection* selection,
                     const at::TensorOptions& options)
    : block_(block), columns_(block.kv_tokens()) {
  constexpr double kNever = -std::numeric_limits<double>::infinity();
  if (selection != nullptr) {
    select(*selection, options);
  } else {
    mask_ = at::full({block.queries, block.queries}, kNever, options).triu_(1);
  }
}

void BlockKeys::select(const Selection& selection, const at::TensorOptions& options) {
  std::vector<int32_t> column_of;
  if (block_.documents == 1) {
    const std::vector<int64_t> any = selected_by_any(block_, selection.positions);
    const auto count = static_cast<int64_t>(any.size());
    if (static_cast<double>(count) < kGatherShare * static_cast<double>(columns_)) {
      column_of.resize(columns_);
      for (int64_t column = 0; column < count; ++column) {
        column_of[any[column]] = static_cast<int32_t>(column);
      }
      gathered_ = at::tensor(any, at::kLong).add_(block_.first_token);
      columns_ = count;
    }
  }
  mask_ = at::full({block_.documents, 1, block_.queries, columns_},
                   -std::numeric_limits<double>::infinity(), options);
  AT_DISPATCH_FLOATING_TYPES(mask_.scalar_type(), "allow_selected", [&] {
    allow_selected<scalar_t>(block_, selection.positions, column_of, mask_);
  });
}

at::Tensor BlockKeys::rows(const at::Tensor& x) const {
  if (!gathered_.defined()) return block_keys(x, block_);
  return x.index_select(0, gathered_).unsqueeze(0).transpose(1, 2);
}

at::Tensor BlockKeys::accumulator(const at::Tensor& x) const {
  if (!gathered_.defined()) return block_keys(x, block_);
  return at::zeros({1, columns_, x.size(1), x.size(2)}, x.options()).transpose(1, 2);
}

void BlockKeys::add_rows(const at::Tensor& accumulated, const at::Tensor& x) const {
  if (!gathered_.defined()) return;
  const at::Tensor rows = accumulated.transpose(1, 2);
  const int64_t row_elements = x.size(1) * x.size(2);
  const int64_t* positions = gathered_.data_ptr<int64_t>();
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "add_rows", [&] {
    const scalar_t* from = rows.data_ptr<scalar_t>();
    scalar_t* to = x.data_ptr<scalar_t>();
    at::parallel_for(0, columns_, 64, [&](int64_t begin, int64_t end) {
      for (int64_t column = begin; column < end; ++column) {
        for (int64_t i = 0; i < row_elements; ++i) {
          to[positions[column] * row_elements + i] += from[column * row_elements + i];
        }
      }
    });
  });
}

void BlockKeys::mask(const at::Tensor& scores) const {
  if (mask_.dim() == 4) {
    scores.add_(mask_);
  } else {
    scores.narrow(3, block_.query_begin, block_.queries).add_(mask_);
  }
}

}  // namespace levin::train::nn
