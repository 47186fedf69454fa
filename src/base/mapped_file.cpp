#include "base/mapped_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/durable.h"
#include "base/error.h"
#include "base/unfinished_file.h"

namespace levin::base {
namespace {

[[noreturn]] void throw_errno(const std::string& path, const char* action) {
  const int error = errno;
  auto code = ErrorCode::kIo;
  if (error == ENOENT) {
    code = ErrorCode::kNotFound;
  } else if (error == ENOMEM) {
    code = ErrorCode::kOutOfMemory;
  }
  throw_error(code, path, "cannot {}: {}", action, std::strerror(error));
}

/// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

size_t regular_file_size(int fd, const std::string& path) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) {
    throw_errno(path, "examine");
  }
  if (S_ISDIR(status.st_mode)) {
    throw_error(ErrorCode::kIo, path, "is a folder, a file was expected");
  }
  return static_cast<size_t>(status.st_size);
}

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
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) {
    throw_errno(path, "open");
  }
  size_bytes_ = regular_file_size(file.get(), path);
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

std::string read_file(const std::string& path, int64_t max_bytes) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) {
    throw_errno(path, "open");
  }
  regular_file_size(file.get(), path);
  std::string content;
  char buffer[1 << 16];
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      throw_errno(path, "read");
    }
    if (got == 0) {
      return content;
    }
    content.append(buffer, static_cast<size_t>(got));
    if (static_cast<int64_t>(content.size()) > max_bytes) {
      throw_error(ErrorCode::kInvalidFile, path, "is larger than the {} bytes allowed here",
                  max_bytes);
    }
  }
}

void require_replaceable(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    throw_error(ErrorCode::kIo, path, "is not a regular file; name a file to write to");
  }
}

void require_writable(const std::string& path) {
  require_replaceable(path);
  const UnfinishedFile probe(temporary_name(path));
  const Descriptor file(::open(probe.path().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  if (file.get() < 0) {
    throw_errno(path, "write");
  }
}

void write_file_atomically(const std::string& path, std::string_view content) {
  require_replaceable(path);
  UnfinishedFile temporary(temporary_name(path));
  const Descriptor file(
      ::open(temporary.path().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file.get() < 0) {
    throw_errno(path, "write");
  }
  while (!content.empty()) {
    const ssize_t wrote = ::write(file.get(), content.data(), content.size());
    if (wrote < 0 && errno == EINTR) {
      continue;
    }
    if (wrote < 0) {
      throw_errno(path, "write");
    }
    content.remove_prefix(static_cast<size_t>(wrote));
  }
  if (::fsync(file.get()) != 0 || ::rename(temporary.path().c_str(), path.c_str()) != 0) {
    throw_errno(path, "write");
  }
  temporary.keep();
  sync_entry_of(path);
}

}  // namespace levin::base
