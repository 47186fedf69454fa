#include "kernels/avx2/matmul.h"

#include "kernels/avx2/decode_fp8.h"
#include "kernels/avx2/functions.h"
#include "kernels/avx2/matmul_few.h"
#include "kernels/avx2/matmul_many.h"

namespace levin::kernels::avx2 {
namespace {

template <class Decoder>
void multiply(const WeightMatrix& w, const Operands& x, std::byte* scratch) noexcept {
  static_assert(kTileRows * kBlockK * static_cast<int64_t>(sizeof(float)) <= kThreadScratchBytes);
  switch (x.m) {
    case 0:
      return;
    case 1:
      return few<Decoder, 1>(w, x);
    case kFewM:
      return few<Decoder, kFewM>(w, x);
    default:
      return many<Decoder>(w, x, scratch);
  }
}

}  // namespace

void matmul(const WeightMatrix& w, const Bf16* a, int64_t a_stride, int64_t m, float* c,
            int64_t c_stride, std::byte* scratch) noexcept {
  const Operands x{a, a_stride, m, c, c_stride};
  switch (w.format) {
    case WeightFormat::kF32:
      return multiply<F32Decoder>(w, x, scratch);
    case WeightFormat::kBf16:
      return multiply<Bf16Decoder>(w, x, scratch);
    case WeightFormat::kF16:
      return multiply<F16Decoder>(w, x, scratch);
    case WeightFormat::kFp8Block:
      return has_table_scales(w) ? multiply<Fp8TableDecoder>(w, x, scratch)
                                 : multiply<Fp8Decoder>(w, x, scratch);
    case WeightFormat::kInt8Group:
      return multiply<Int8Decoder>(w, x, scratch);
  }
}

}  // namespace levin::kernels::avx2
