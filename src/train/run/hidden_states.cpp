#include "train/run/hidden_states.h"

#include <ATen/ATen.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace levin::train::run {
namespace {

[[noreturn]] void throw_io(const std::string& path, const char* action, int error) {
  base::throw_error(base::ErrorCode::kIo, path, "cannot {}: {}", action,
                    error == 0 ? "the file is shorter than it was" : std::strerror(error));
}

}  // namespace

HiddenStates::HiddenStates(std::string path, int64_t row_tokens, int64_t hidden_size)
    : path_(std::move(path)), row_tokens_(row_tokens), hidden_size_(hidden_size) {
  file_ = base::Descriptor(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file_.is_open()) {
    throw_io(path_, "write", errno);
  }
}

void HiddenStates::write(int64_t row_idx, const at::Tensor& hidden) {
  const at::Tensor values = hidden.detach().to(at::kFloat).contiguous();
  LEVIN_CHECK(values.numel() == row_tokens_ * hidden_size_);
  const auto* bytes = static_cast<const char*>(values.data_ptr());
  const auto total = static_cast<int64_t>(values.nbytes());
  for (int64_t done = 0; done < total;) {
    const ssize_t written = ::pwrite(file_.get(), bytes + done, static_cast<size_t>(total - done),
                                     row_idx * total + done);
    if (written < 0 && errno != EINTR) {
      throw_io(path_, "write", errno);
    }
    done += written > 0 ? written : 0;
  }
}

at::Tensor HiddenStates::read(int64_t row_idx) const {
  at::Tensor values = at::empty({row_tokens_, hidden_size_}, at::kFloat);
  auto* bytes = static_cast<char*>(values.data_ptr());
  const auto total = static_cast<int64_t>(values.nbytes());
  for (int64_t done = 0; done < total;) {
    const ssize_t got = ::pread(file_.get(), bytes + done, static_cast<size_t>(total - done),
                                row_idx * total + done);
    if (got == 0 || (got < 0 && errno != EINTR)) {
      throw_io(path_, "read", got == 0 ? 0 : errno);
    }
    done += got > 0 ? got : 0;
  }
  return values;
}

void HiddenStates::sync() const {
  if (::fsync(file_.get()) != 0) {
    throw_io(path_, "flush", errno);
  }
}

void HiddenStates::remove() noexcept {
  if (file_.is_open()) {
    (void)file_.close();
    ::unlink(path_.c_str());
  }
}

}  // namespace levin::train::run
