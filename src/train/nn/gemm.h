// Batched matrix products on views, straight through BLAS.
#pragma once

#include <ATen/core/Tensor.h>

namespace levin::train::nn {

/// c[i,j] = alpha * a[i,j] b[i,j] + beta * c[i,j] for every batch (i, j), in place.
///   a  [batch, sub_batch, rows, inner] f32 or f64, one of the last two strides is 1
///   b  [batch, sub_batch, inner, columns], same dtype, likewise
///   c  [batch, sub_batch, rows, columns], same dtype, last stride 1, no two elements overlap
/// Batches are shared out over ATen's threads, one BLAS call each; a lone batch leaves the threads
/// to BLAS. Replaces at::bmm: without MKL that one costs several microseconds of dispatch a matrix,
/// copies what is not contiguous and gives small matrices to all threads in turn.
void gemm(const at::Tensor& a, const at::Tensor& b, const at::Tensor& c, double alpha, double beta);

}  // namespace levin::train::nn
