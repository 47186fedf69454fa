#include "train/nn/attention_mass.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "base/error.h"
#include "train/nn/attention_blocks.h"
#include "train/nn/gemm.h"
#include "train/nn/operator_checks.h"
#include "train/nn/query_blocks.h"

namespace levin::train::nn {
namespace {

// The document of a token: the last one that begins at or before it.
int64_t document_of(const Documents& documents, int64_t token) {
  const auto after = std::upper_bound(documents.begins.begin(), documents.begins.end(), token);
  return after - documents.begins.begin() - 1;
}

// The mean over heads of the probability that the query at `row` gives to its selection.
at::Tensor mass_of_row(const at::Tensor& q, const at::Tensor& k, const Selection& selection,
                       int64_t begin, int64_t row, double softmax_scale) {
  const int64_t heads = q.size(1);
  const int64_t visible = row + 1 - begin;
  const at::Tensor scores = at::empty({1, heads, 1, visible}, q.options());
  gemm(q.narrow(0, row, 1).unsqueeze(0).transpose(1, 2),
       k.narrow(0, begin, visible).unsqueeze(0).permute({0, 2, 3, 1}), scores, softmax_scale, 0);
  const at::Tensor sum = exp_rows(scores).sum;
  const at::Tensor positions = selection.positions.select(0, row);
  const at::Tensor columns = positions.masked_select(positions.ge(0)).to(at::kLong).sub_(begin);
  return scores.index_select(3, columns).sum(-1, true).div_(sum).mean();
}

}  // namespace

at::Tensor attention_mass_kept(const at::Tensor& q, const at::Tensor& k, const Selection& selection,
                               const Documents& documents, double softmax_scale,
                               const at::Tensor& rows) {
  const char* op = "attention_mass_kept";
  const at::NoGradGuard no_grad;
  check_arguments(op, {{"q", q, {-1, -1, -1}}, {"k", k, {q.size(0), q.size(1), q.size(2)}}});
  check_documents(documents, q.size(0), op);
  check_selection(op, selection, q.size(0));
  if (rows.dim() != 1 || rows.scalar_type() != at::kLong) {
    base::throw_error(base::ErrorCode::kInvalidArgument, op, "rows must be a Long tensor [n]");
  }
  const at::Tensor q_rows = blas_rows(q);
  const at::Tensor k_rows = blas_rows(k);
  at::Tensor kept = at::empty({rows.size(0)}, q.options().requires_grad(false));
  for (int64_t i = 0; i < rows.size(0); ++i) {
    const auto row = rows[i].item<int64_t>();
    if (row < 0 || row >= documents.tokens) {
      base::throw_error(base::ErrorCode::kInvalidArgument, op,
                        "row {} lies outside the pack of {} tokens", row, documents.tokens);
    }
    const int64_t begin = documents.begin(document_of(documents, row));
    kept[i] = mass_of_row(q_rows, k_rows, selection, begin, row, softmax_scale);
  }
  return kept;
}

}  // namespace levin::train::nn
