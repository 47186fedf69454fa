#include "train/nn/gemm.h"

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include <cstdint>

#include "base/error.h"

// The Fortran interface, which every BLAS offers without a development package.
// NOLINTBEGIN(readability-identifier-naming)
extern "C" {
void sgemm_(const char* transa, const char* transb, const int* m, const int* n, const int* k,
            const float* alpha, const float* a, const int* lda, const float* b, const int* ldb,
            const float* beta, float* c, const int* ldc);
void dgemm_(const char* transa, const char* transb, const int* m, const int* n, const int* k,
            const double* alpha, const double* a, const int* lda, const double* b, const int* ldb,
            const double* beta, double* c, const int* ldc);
}
// NOLINTEND(readability-identifier-naming)

namespace levin::train::nn {
namespace {

// How BLAS reads a row-major operand: as its column-major transpose, unless the rows are strided.
struct Layout {
  char transposed = 'N';
  int leading = 1;
};

Layout layout_of(const at::Tensor& matrix, int64_t rows, int64_t columns) {
  // The stride of a dimension of one element means nothing.
  if (matrix.stride(3) == 1 || columns == 1) {
    return {'N', static_cast<int>(rows == 1 ? columns : matrix.stride(2))};
  }
  LEVIN_CHECK(matrix.stride(2) == 1 || rows == 1);
  return {'T', static_cast<int>(columns == 1 ? rows : matrix.stride(3))};
}

void blas_gemm(Layout a, Layout b, const int (&extents)[3], float alpha, const float* a_data,
               const float* b_data, float beta, float* c, int ldc) {
  sgemm_(&a.transposed, &b.transposed, &extents[0], &extents[1], &extents[2], &alpha, a_data,
         &a.leading, b_data, &b.leading, &beta, c, &ldc);
}

void blas_gemm(Layout a, Layout b, const int (&extents)[3], double alpha, const double* a_data,
               const double* b_data, double beta, double* c, int ldc) {
  dgemm_(&a.transposed, &b.transposed, &extents[0], &extents[1], &extents[2], &alpha, a_data,
         &a.leading, b_data, &b.leading, &beta, c, &ldc);
}

}  // namespace

void gemm(const at::Tensor& a, const at::Tensor& b, const at::Tensor& c, double alpha,
          double beta) {
  const int64_t rows = c.size(2);
  const int64_t columns = c.size(3);
  const int64_t inner = a.size(3);
  const int64_t sub_batches = c.size(1);
  LEVIN_CHECK(a.size(2) == rows && b.size(2) == inner && b.size(3) == columns);
  LEVIN_CHECK(a.size(0) == c.size(0) && b.size(0) == c.size(0));
  LEVIN_CHECK(a.size(1) == sub_batches && b.size(1) == sub_batches);
  LEVIN_CHECK(a.scalar_type() == c.scalar_type() && b.scalar_type() == c.scalar_type());
  LEVIN_CHECK(c.stride(3) == 1 || columns == 1);
  const Layout a_layout = layout_of(a, rows, inner);
  const Layout b_layout = layout_of(b, inner, columns);
  const int ldc = static_cast<int>(rows == 1 ? columns : c.stride(2));
  // Column-major BLAS computes the transpose: cT = bT aT.
  const int extents[3] = {static_cast<int>(columns), static_cast<int>(rows),
                          static_cast<int>(inner)};
  AT_DISPATCH_FLOATING_TYPES(c.scalar_type(), "gemm", [&] {
    const scalar_t* a_data = a.data_ptr<scalar_t>();
    const scalar_t* b_data = b.data_ptr<scalar_t>();
    scalar_t* c_data = c.data_ptr<scalar_t>();
    at::parallel_for(0, c.size(0) * sub_batches, 1, [&](int64_t begin, int64_t end) {
      for (int64_t batch_idx = begin; batch_idx < end; ++batch_idx) {
        const int64_t i = batch_idx / sub_batches;
        const int64_t j = batch_idx % sub_batches;
        blas_gemm(b_layout, a_layout, extents, static_cast<scalar_t>(alpha),
                  b_data + i * b.stride(0) + j * b.stride(1),
                  a_data + i * a.stride(0) + j * a.stride(1), static_cast<scalar_t>(beta),
                  c_data + i * c.stride(0) + j * c.stride(1), ldc);
      }
    });
  });
}

}  // namespace levin::train::nn
