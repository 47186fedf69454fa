// Small problems for the attention operators, and their literal definitions in plain autograd.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "train/nn/documents.h"
#include "train/nn/select_top_k.h"
#include "train/nn/selection.h"

namespace levin::train::nn {

/// Inputs of every attention operator, requiring gradients.
struct OpCase {
  Documents documents;
  at::Tensor q, k, v;                          // [tokens, heads, 5], [tokens, heads, 5], [.., 3]
  at::Tensor index_q, index_k, index_weights;  // [tokens, index heads, 7], [tokens, 7], [..]
  double scale = 0.6;
};

inline OpCase make_case(const std::vector<int64_t>& lengths, at::ScalarType dtype = at::kDouble,
                        int64_t heads = 3, int64_t index_heads = 2) {
  at::manual_seed(5);
  OpCase made;
  for (const int64_t length : lengths) {
    made.documents.begins.push_back(made.documents.tokens);
    made.documents.tokens += length;
  }
  const int64_t tokens = made.documents.tokens;
  const auto options = at::TensorOptions(dtype);
  made.q = at::randn({tokens, heads, 5}, options);
  made.k = at::randn({tokens, heads, 5}, options);
  made.v = at::randn({tokens, heads, 3}, options);
  made.index_q = at::randn({tokens, index_heads, 7}, options);
  made.index_k = at::randn({tokens, 7}, options);
  made.index_weights = at::randn({tokens, index_heads}, options);
  for (at::Tensor* input :
       {&made.q, &made.k, &made.v, &made.index_q, &made.index_k, &made.index_weights}) {
    input->requires_grad_(true);
  }
  return made;
}

/// Lengths of documents, equal and unequal, of one token, across a block's border of 128 queries.
inline const std::vector<std::vector<int64_t>> kPacks = {
    {1}, {7}, {5, 5, 5, 3, 1, 1}, {131, 2, 129}};

inline Selection choose(const OpCase& c, int64_t topk) {
  return select_top_k(c.index_q, c.index_k, c.index_weights, c.documents, topk);
}

/// [tokens, tokens] bool: may t look at s?
inline at::Tensor causal(const Documents& documents) {
  at::Tensor may = at::zeros({documents.tokens, documents.tokens}, at::kBool);
  for (int64_t i = 0; i < documents.count(); ++i) {
    const int64_t length = documents.end(i) - documents.begin(i);
    may.narrow(0, documents.begin(i), length)
        .narrow(1, documents.begin(i), length)
        .copy_(at::ones({length, length}, at::kBool).tril());
  }
  return may;
}

inline at::Tensor selected(const Selection& selection) {
  const int64_t tokens = selection.tokens();
  at::Tensor may = at::zeros({tokens, tokens + 1}, at::kBool);
  const at::Tensor columns = selection.positions.to(at::kLong);
  may.scatter_(1, at::where(columns.lt(0), tokens, columns), true);
  return may.narrow(1, 0, tokens);
}

/// [heads, tokens, tokens] probabilities, literally.
inline at::Tensor literal_probabilities(const OpCase& c, const at::Tensor& may) {
  const at::Tensor scores = at::einsum("thd,shd->hts", {c.q, c.k}) * c.scale;
  return scores.masked_fill(may.logical_not(), -std::numeric_limits<double>::infinity())
      .softmax(-1);
}

inline at::Tensor literal_attention(const OpCase& c, const at::Tensor& may) {
  return at::einsum("hts,shd->thd", {literal_probabilities(c, may), c.v});
}

/// [tokens, tokens] index scores, literally.
inline at::Tensor literal_index_scores(const OpCase& c) {
  const at::Tensor matches = at::einsum("thd,sd->hts", {c.index_q, c.index_k}).relu();
  return at::einsum("hts,th->ts", {matches, c.index_weights});
}

inline at::Tensor literal_kl(const OpCase& c, const at::Tensor& may) {
  const at::Tensor p = literal_probabilities(c, may).detach().mean(0);
  const at::Tensor log_q =
      literal_index_scores(c)
          .masked_fill(may.logical_not(), -std::numeric_limits<double>::infinity())
          .log_softmax(-1)
          .masked_fill(may.logical_not(), 0);
  return (at::xlogy(p, p) - p * log_q).sum();
}

/// The loss's gradient for `input`; leaves input.grad() empty.
inline at::Tensor gradient_of(const at::Tensor& loss, at::Tensor input) {
  input.mutable_grad() = at::Tensor();
  loss.backward({}, /*retain_graph=*/true);
  at::Tensor gradient = input.grad();
  input.mutable_grad() = at::Tensor();
  return gradient;
}

/// The same by central differences, for f64.
inline at::Tensor difference_of(const std::function<at::Tensor()>& loss, const at::Tensor& input) {
  const at::NoGradGuard no_grad;
  constexpr double kStep = 1e-5;
  at::Tensor gradient = at::zeros(input.sizes(), input.options().requires_grad(false));
  double* value = input.data_ptr<double>();
  for (int64_t i = 0; i < input.numel(); ++i) {
    const double kept = value[i];
    value[i] = kept + kStep;
    const double up = loss().item<double>();
    value[i] = kept - kStep;
    const double down = loss().item<double>();
    value[i] = kept;
    gradient.data_ptr<double>()[i] = (up - down) / (2 * kStep);
  }
  return gradient;
}

inline double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

}  // namespace levin::train::nn
