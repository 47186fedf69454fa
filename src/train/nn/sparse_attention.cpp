#include "train/nn/sparse_attention.h"

#include "train/nn/attention_function.h"

namespace levin::train::nn {

at::Tensor sparse_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const Selection& selection, const Documents& documents,
                            double softmax_scale) {
  return differentiable_attention("sparse_attention",
                                  {q, k, v, &documents, &selection, softmax_scale});
}

}  // namespace levin::train::nn
