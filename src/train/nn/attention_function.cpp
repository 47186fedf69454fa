#include "train/nn/attention_function.h"

#include <torch/csrc/autograd/custom_function.h>

#include "train/nn/operator_checks.h"
#include "train/nn/query_blocks.h"

namespace levin::train::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct AttentionFunction : public torch::autograd::Function<AttentionFunction> {
  // The selection holds no positions for dense attention.
  static at::Tensor forward(AutogradContext* context, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v, const Selection& selection,
                            const Documents& documents, double softmax_scale) {
    const at::Tensor& positions = selection.positions;
    const AttentionResult result = attention_forward(
        {q, k, v, &documents, positions.defined() ? &selection : nullptr, softmax_scale});
    context->save_for_backward({q, k, v, positions, result.output, result.log_sum_exp});
    context->saved_data["begins"] = documents.begins;
    context->saved_data["scale"] = softmax_scale;
    return result.output;
  }

  static variable_list backward(AutogradContext* context, const variable_list& upstream) {
    const variable_list saved = context->get_saved_variables();
    const Documents documents{context->saved_data["begins"].toIntVector(), saved[0].size(0)};
    const Selection selection{saved[3]};
    const AttentionProblem problem{saved[0],
                                   saved[1],
                                   saved[2],
                                   &documents,
                                   saved[3].defined() ? &selection : nullptr,
                                   context->saved_data["scale"].toDouble()};
    const AttentionGradients gradients =
        attention_backward(problem, {saved[4], saved[5]}, blas_rows(upstream[0]));
    return {gradients.q, gradients.k, gradients.v, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor differentiable_attention(const char* op, const AttentionProblem& problem) {
  const at::Tensor& q = problem.q;
  check_arguments(op, {{"q", q, {-1, -1, -1}},
                       {"k", problem.k, {q.size(0), q.size(1), q.size(2)}},
                       {"v", problem.v, {q.size(0), q.size(1), -1}}});
  check_documents(*problem.documents, q.size(0), op);
  Selection selection;
  if (problem.selection != nullptr) {
    check_selection(op, *problem.selection, q.size(0));
    selection = *problem.selection;
  }
  return AttentionFunction::apply(blas_rows(q), blas_rows(problem.k), blas_rows(problem.v),
                                  selection, *problem.documents, problem.softmax_scale);
}

}  // namespace levin::train::nn
