#include "tensor/buffer.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <utility>

#include "base/error.h"

namespace levin::tensor {
namespace {

TEST(BufferTest, IsAlignedAndReadsAsZero) {
  for (const int64_t size : {1, 64, 4097, 3 << 20}) {
    const Buffer buffer(size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % 64, 0U);
    EXPECT_EQ(buffer.data()[0], std::byte{0});
    EXPECT_EQ(buffer.data()[size - 1], std::byte{0});
    EXPECT_EQ(buffer.size_bytes(), size);
  }
}

TEST(BufferTest, OfZeroBytesIsEmpty) {
  const Buffer buffer(0);
  EXPECT_EQ(buffer.data(), nullptr);
  EXPECT_EQ(buffer.size_bytes(), 0);
}

TEST(BufferTest, MoveHandsTheMemoryOver) {
  Buffer source(100);
  const std::byte* memory = source.data();
  Buffer target(std::move(source));
  EXPECT_EQ(target.data(), memory);
  target = Buffer(10);
  EXPECT_EQ(target.size_bytes(), 10);
}

TEST(BufferTest, ReserveOnlyGrows) {
  Buffer buffer(100);
  const std::byte* memory = buffer.data();
  buffer.reserve(50);
  EXPECT_EQ(buffer.data(), memory);
  buffer.reserve(200);
  EXPECT_EQ(buffer.size_bytes(), 200);
}

TEST(BufferTest, ImpossibleSizeIsOutOfMemoryWithTheSize) {
  try {
    const Buffer buffer(int64_t{1} << 60);
    FAIL() << "allocated";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ErrorCode::kOutOfMemory);
    EXPECT_STREQ(error.what(), "cannot allocate 1152921504606846976 bytes of memory");
  }
}

TEST(TensorTest, ResizeReshapesAndRowsAreContiguous) {
  Tensor<float, 2> tensor({3, 5});
  EXPECT_EQ(tensor.view().row(1), tensor.data() + 5);
  tensor.resize({5, 2});
  EXPECT_EQ(tensor.view().extent(0), 5);
  EXPECT_EQ(tensor.view().row(2), tensor.data() + 4);
  EXPECT_EQ(std::as_const(tensor).view().size(), 10);
}

}  // namespace
}  // namespace levin::tensor
