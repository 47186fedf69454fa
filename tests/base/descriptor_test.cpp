#include "base/descriptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>
#include <utility>

#include "base/expect_error.h"
#include "base/files.h"
#include "base/files_fixture.h"

namespace levin::base {
namespace {

using levin::testing::expect_error;
using Descriptors = levin::testing::FilesTest;

bool is_open_in_the_kernel(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST_F(Descriptors, CloseThemselves) {
  int fd = -1;
  {
    const Descriptor file = open_to_read(write("a", "text"));
    fd = file.get();
    EXPECT_TRUE(is_open_in_the_kernel(fd));
  }
  EXPECT_FALSE(is_open_in_the_kernel(fd));
}

TEST_F(Descriptors, HaveOneOwner) {
  Descriptor first = open_to_read(write("a", "text"));
  const int fd = first.get();
  Descriptor second(std::move(first));
  // NOLINTNEXTLINE(bugprone-use-after-move,clang-analyzer-cplusplus.Move): that is what is tested
  EXPECT_FALSE(first.is_open());
  EXPECT_EQ(second.get(), fd);
  EXPECT_TRUE(second.close());
  EXPECT_FALSE(is_open_in_the_kernel(fd));
  EXPECT_TRUE(second.close()) << "nothing is left to close";
}

TEST_F(Descriptors, AreNotOpenWhereTheKernelRefused) {
  EXPECT_FALSE(Descriptor().is_open());
  EXPECT_FALSE(Descriptor(::open(path("missing").c_str(), O_RDONLY | O_CLOEXEC)).is_open());
  expect_error([&] { (void)open_to_read(path("missing")); }, ErrorCode::kNotFound,
               path("missing") + ": cannot open: No such file");
  expect_error([&] { (void)open_to_read(folder_.string()); }, ErrorCode::kIo, "is a folder");
}

TEST_F(Descriptors, OfAPipeAreRefusedAtOnceWhereARegularFileIsWanted) {
  EXPECT_TRUE(open_regular_to_read(write("a", "text")).is_open());
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  expect_error([&] { (void)open_regular_to_read(path("pipe")); }, ErrorCode::kIo,
               path("pipe") + ": is a pipe or a device, a regular file was expected");
  expect_error([&] { (void)open_regular_to_read("/dev/zero"); }, ErrorCode::kIo, "is a pipe or");
  expect_error([&] { (void)open_regular_to_read(folder_.string()); }, ErrorCode::kIo,
               "is a folder");
}

TEST_F(Descriptors, WriteAllBytesOrSayWhyNot) {
  const std::string text(300000, 'x');
  const Descriptor file(::open(path("out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  EXPECT_TRUE(write_all(file.get(), std::as_bytes(std::span(text))));
  EXPECT_EQ(read_file(path("out"), 1 << 20), text);
  const Descriptor full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  EXPECT_FALSE(write_all(full.get(), std::as_bytes(std::span(text))));
  EXPECT_EQ(errno, ENOSPC);
}

}  // namespace
}  // namespace levin::base
