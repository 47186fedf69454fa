#include "base/mapped_file.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <utility>

#include "base/descriptor.h"
#include "base/unfinished_file.h"

namespace levin::base {
namespace {

int truncation_exit_code = 1;  // read by the signal handler alone

std::atomic_flag has_reported = ATOMIC_FLAG_INIT;

extern "C" void on_sigbus(int /*signal*/) {
  while (has_reported.test_and_set()) {
    ::pause();  // another thread met the hole first and is ending the program
  }
  constexpr char kMessage[] =
      "levin: error: a mapped file became shorter or unreadable while it was in use; "
      "restore the file and start again\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kMessage, sizeof kMessage - 1);
  remove_unfinished_files();
  ::_exit(truncation_exit_code);
}

}  // namespace

MappedFile::MappedFile(const std::string& path) : path_(path) {
  const Descriptor file = open_regular_to_read(path);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) {
    throw_errno(path, "examine");
  }
  size_bytes_ = static_cast<size_t>(status.st_size);
  if (size_bytes_ == 0) {
    return;
  }
  void* mapping = ::mmap(nullptr, size_bytes_, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (mapping == MAP_FAILED) {
    throw_errno(path, "map");
  }
  // Where the file system keeps large folios, the file is then read and mapped in huge pages, which
  // the products read faster; elsewhere the advice changes nothing, so its result is not looked at.
  ::madvise(mapping, size_bytes_, MADV_HUGEPAGE);
  data_ = static_cast<const std::byte*>(mapping);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) {
    ::munmap(const_cast<std::byte*>(data_), size_bytes_);
  }
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      data_(std::exchange(other.data_, nullptr)),
      size_bytes_(std::exchange(other.size_bytes_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(data_, other.data_);
  std::swap(size_bytes_, other.size_bytes_);
  return *this;
}

void install_truncation_handler(int exit_code) {
  truncation_exit_code = exit_code;
  struct sigaction action {};
  action.sa_handler = on_sigbus;
  ::sigaction(SIGBUS, &action, nullptr);
}

}  // namespace levin::base
