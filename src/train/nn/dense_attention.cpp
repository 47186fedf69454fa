#include "train/nn/dense_attention.h"

#include "train/nn/attention_function.h"

namespace levin::train::nn {

at::Tensor dense_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           const Documents& documents, double softmax_scale) {
  return differentiable_attention("dense_attention", {q, k, v, &documents, nullptr, softmax_scale});
}

}  // namespace levin::train::nn
