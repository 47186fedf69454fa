#include "formats/safetensors_writer.h"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "base/durable.h"
#include "base/error.h"
#include "base/files.h"
#include "base/integers.h"
#include "base/utf8.h"

namespace levin::formats {
namespace {

using base::ErrorCode;
using base::throw_error;

constexpr size_t kPendingBytes = size_t{1} << 20;
constexpr size_t kHeaderAlignment = 8;

[[noreturn]] void throw_errno(const std::string& path, const char* action) {
  const int error = errno;
  throw_error(ErrorCode::kIo, path, "cannot {}: {}; nothing was left behind", action,
              std::strerror(error));
}

int64_t declared_bytes(const TensorDeclaration& tensor, const std::string& path) {
  int64_t bytes = dtype_bytes(tensor.dtype);
  for (const int64_t extent : tensor.shape) {
    if (extent < 0 || __builtin_mul_overflow(bytes, extent, &bytes)) {
      throw_error(ErrorCode::kInvalidArgument, path, "tensor \"{}\": impossible shape [{}]",
                  tensor.name, fmt::join(tensor.shape, ", "));
    }
  }
  return bytes;
}

std::string quoted(const std::string& text, const std::string& path) {
  if (!base::is_valid_utf8(text)) {
    throw base::Error(ErrorCode::kInvalidArgument, "a name or metadata is not UTF-8", path);
  }
  return nlohmann::json(text).dump();
}

/// Length field, JSON and padding; `data_bytes` becomes the size of all tensors.
std::string make_header(std::span<const TensorDeclaration> tensors,
                        const SafetensorsMetadata& metadata, const std::string& path,
                        int64_t& data_bytes) {
  std::vector<std::string> entries;
  if (!metadata.empty()) {
    std::vector<std::string> pairs;
    for (const auto& [key, value] : metadata) {
      pairs.push_back(quoted(key, path) + ":" + quoted(value, path));
    }
    entries.push_back(fmt::format("\"__metadata__\":{{{}}}", fmt::join(pairs, ",")));
  }
  std::set<std::string> names{"__metadata__"};
  data_bytes = 0;
  for (const TensorDeclaration& tensor : tensors) {
    if (!names.insert(tensor.name).second) {
      throw_error(ErrorCode::kInvalidArgument, path, "tensor name \"{}\" is taken", tensor.name);
    }
    const int64_t begin = data_bytes;
    if (__builtin_add_overflow(begin, declared_bytes(tensor, path), &data_bytes)) {
      throw base::Error(ErrorCode::kInvalidArgument, "the tensors exceed 2^63 bytes", path);
    }
    entries.push_back(fmt::format("{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}}",
                                  quoted(tensor.name, path), dtype_name(tensor.dtype),
                                  fmt::join(tensor.shape, ","), begin, data_bytes));
  }
  std::string text = fmt::format("{{{}}}", fmt::join(entries, ","));
  text.resize(base::round_up(text.size(), kHeaderAlignment), ' ');
  const uint64_t length = text.size();
  std::string header(sizeof length, '\0');
  std::memcpy(header.data(), &length, sizeof length);
  return header + text;
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(const std::string& path,
                                     std::span<const TensorDeclaration> tensors,
                                     const SafetensorsMetadata& metadata)
    : path_(path), temporary_(base::temporary_name(path)) {
  const std::string header = make_header(tensors, metadata, path, data_bytes_);
  pending_.reserve(kPendingBytes);
  base::require_replaceable(path);
  file_ = base::Descriptor(
      ::open(temporary_.path().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file_.is_open()) {
    throw_errno(path_, "create the file");
  }
  write_out(std::as_bytes(std::span(header)));
}

void SafetensorsWriter::append(std::span<const std::byte> bytes) {
  if (static_cast<int64_t>(bytes.size()) > data_bytes_ - appended_bytes_) {
    throw_error(ErrorCode::kInvalidArgument, path_, "more than the declared {} bytes were appended",
                data_bytes_);
  }
  appended_bytes_ += static_cast<int64_t>(bytes.size());
  if (pending_.size() + bytes.size() > kPendingBytes) {
    flush();
  }
  if (bytes.size() >= kPendingBytes) {
    write_out(bytes);
  } else {
    pending_.insert(pending_.end(), bytes.begin(), bytes.end());
  }
}

void SafetensorsWriter::finish() {
  if (appended_bytes_ != data_bytes_) {
    throw_error(ErrorCode::kInvalidArgument, path_, "{} of {} declared bytes were appended",
                appended_bytes_, data_bytes_);
  }
  flush();
  if (::fsync(file_.get()) != 0) {
    throw_errno(path_, "flush the file to the disk");
  }
  if (!file_.close() || ::rename(temporary_.path().c_str(), path_.c_str()) != 0) {
    throw_errno(path_, "give the finished file its name");
  }
  temporary_.keep();
  base::sync_entry_of(path_);
}

void SafetensorsWriter::write_out(std::span<const std::byte> bytes) {
  if (!base::write_all(file_.get(), bytes)) {
    throw_errno(path_, fmt::format("write {} bytes of data", data_bytes_).c_str());
  }
}

void SafetensorsWriter::flush() {
  write_out(pending_);
  pending_.clear();
}

void write_safetensors(const std::string& path, std::span<const NamedTensor> tensors,
                       const SafetensorsMetadata& metadata) {
  std::vector<TensorDeclaration> declarations;
  declarations.reserve(tensors.size());
  for (const NamedTensor& tensor : tensors) {
    declarations.push_back({tensor.name, tensor.dtype, tensor.shape});
    const int64_t wanted = declared_bytes(declarations.back(), path);
    if (wanted != static_cast<int64_t>(tensor.bytes.size())) {
      throw_error(ErrorCode::kInvalidArgument, path, "tensor \"{}\": shape needs {} bytes, got {}",
                  tensor.name, wanted, tensor.bytes.size());
    }
  }
  SafetensorsWriter writer(path, declarations, metadata);
  for (const NamedTensor& tensor : tensors) {
    writer.append(tensor.bytes);
  }
  writer.finish();
}

}  // namespace levin::formats
