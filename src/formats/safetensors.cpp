#include "formats/safetensors.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <tuple>

#include "base/error.h"
#include "formats/json.h"

namespace levin::formats {
namespace {

using base::ErrorCode;
using base::throw_error;
using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "tensor data is read as it lies");

constexpr int64_t kLengthBytes = 8;

/// Where a tensor lies in the data that follows the header.
struct Interval {
  int64_t begin = 0;
  int64_t end = 0;
  const std::string* name = nullptr;
};

/// A number that is written without sign or fraction and fits int64.
std::optional<int64_t> as_count(const json& value) {
  if (!value.is_number_unsigned() ||
      value.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return std::nullopt;
  }
  return value.get<int64_t>();
}

[[noreturn]] void throw_bad_field(const std::string& where, const std::string& name,
                                  const char* wanted) {
  throw_error(ErrorCode::kInvalidFile, where, "tensor {}: {}", base::quote(name), wanted);
}

/// What stands in place of a number.
std::string shown_value(const json& value) {
  if (value.is_string()) {
    return base::quote(value.get<std::string>());
  }
  return value.is_structured() ? value.type_name() : value.dump();
}

/// The array `field` of whole numbers; throws if it is anything else.
std::vector<int64_t> read_counts(const json& entry, const char* field, const std::string& where,
                                 const std::string& name) {
  std::vector<int64_t> counts;
  const auto found = entry.find(field);
  if (found == entry.end() || !found->is_array()) {
    throw_error(ErrorCode::kInvalidFile, where, "tensor {}: {} must be an array", base::quote(name),
                field);
  }
  for (const json& value : *found) {
    const auto count = as_count(value);
    if (!count) {
      throw_error(ErrorCode::kInvalidFile, where,
                  "tensor {}: {} holds {}, where a whole number from 0 to 2^63-1 is expected",
                  base::quote(name), field, shown_value(value));
    }
    counts.push_back(*count);
  }
  return counts;
}

/// Product of the shape and `element_bytes`; empty on overflow. An extent of 0 makes it 0, but
/// the other extents must still multiply without overflow, as in the reference reader.
std::optional<int64_t> shape_bytes(std::span<const int64_t> shape, int64_t element_bytes) {
  int64_t product = element_bytes;
  for (const int64_t extent : shape) {
    if (__builtin_mul_overflow(product, extent, &product)) {
      return std::nullopt;
    }
  }
  return product;
}

SafetensorsTensor read_entry(const json& entry, const std::string& name, const std::string& where,
                             Interval& interval) {
  if (!entry.is_object()) {
    throw_bad_field(where, name, "an object with dtype, shape and data_offsets is expected");
  }
  const auto dtype = entry.find("dtype");
  if (dtype == entry.end() || !dtype->is_string()) {
    throw_bad_field(where, name, "dtype must be a string");
  }
  for (const auto& item : entry.items()) {
    if (item.key() != "dtype" && item.key() != "shape" && item.key() != "data_offsets") {
      throw_error(ErrorCode::kInvalidFile, where, "tensor {}: unknown field {}", base::quote(name),
                  base::quote(item.key()));
    }
  }
  SafetensorsTensor tensor;
  const auto written_dtype = dtype->get<std::string>();
  tensor.dtype_name = base::shown(written_dtype);
  tensor.dtype = tensor::parse_dtype(written_dtype);
  tensor.shape = read_counts(entry, "shape", where, name);
  const auto offsets = read_counts(entry, "data_offsets", where, name);
  if (offsets.size() != 2 || offsets[0] > offsets[1]) {
    throw_bad_field(where, name, "data_offsets must be [begin, end] with begin <= end");
  }
  interval = {offsets[0], offsets[1], nullptr};
  const auto bytes = shape_bytes(tensor.shape, tensor.dtype ? dtype_bytes(*tensor.dtype) : 1);
  if (!bytes) {
    throw_error(ErrorCode::kInvalidFile, where, "tensor {}: shape {} overflows 64 bits",
                base::quote(name), shape_text(tensor.shape));
  }
  if (tensor.dtype && *bytes != interval.end - interval.begin) {
    throw_error(ErrorCode::kInvalidFile, where,
                "tensor {}: shape {} of {} takes {} bytes, data_offsets span {}", base::quote(name),
                shape_text(tensor.shape), tensor.dtype_name, *bytes, interval.end - interval.begin);
  }
  return tensor;
}

void read_metadata(const json& entry, SafetensorsContent& content, const std::string& where) {
  if (!entry.is_object()) {
    throw base::Error(ErrorCode::kInvalidFile, "__metadata__ must be an object of strings", where);
  }
  for (const auto& item : entry.items()) {
    if (!item.value().is_string()) {
      throw_error(ErrorCode::kInvalidFile, where, "__metadata__ {} must be a string",
                  base::quote(item.key()));
    }
    content.metadata.emplace(item.key(), item.value().get<std::string>());
  }
}

/// Sorted, the intervals must cover the data without gap or overlap.
void check_tiling(std::vector<Interval>& intervals, int64_t data_bytes, const std::string& where) {
  std::ranges::sort(intervals, {}, [](const Interval& interval) {
    return std::tuple(interval.begin, interval.end);
  });
  int64_t covered = 0;
  for (const Interval& interval : intervals) {
    if (interval.end > data_bytes) {
      throw_error(ErrorCode::kInvalidFile, where,
                  "tensor {} ends at byte {} of the data, but the file has only {}; it is "
                  "truncated, download it again",
                  base::quote(*interval.name), interval.end, data_bytes);
    }
    if (interval.begin != covered) {
      throw_error(ErrorCode::kInvalidFile, where,
                  "tensor {} begins at byte {} of the data, expected {} ({})",
                  base::quote(*interval.name), interval.begin, covered,
                  interval.begin > covered ? "a gap" : "an overlap");
    }
    covered = interval.end;
  }
  if (covered != data_bytes) {
    throw_error(ErrorCode::kInvalidFile, where,
                "holds {} bytes after its last tensor, which ends at byte {} of the data",
                data_bytes - covered, covered);
  }
}

/// The JSON text between the length field and the data.
std::string_view header_text(std::span<const std::byte> file, const std::string& where) {
  if (static_cast<int64_t>(file.size()) < kLengthBytes) {
    throw_error(ErrorCode::kInvalidFile, where,
                "has {} bytes, a safetensors file has at least {}; download it again", file.size(),
                kLengthBytes);
  }
  uint64_t length = 0;
  std::memcpy(&length, file.data(), sizeof length);
  if (length > static_cast<uint64_t>(kMaxSafetensorsHeaderBytes)) {
    throw_error(ErrorCode::kInvalidFile, where,
                "declares a header of {} bytes, at most {} are allowed; not a safetensors file?",
                length, kMaxSafetensorsHeaderBytes);
  }
  if (length > file.size() - kLengthBytes) {
    throw_error(ErrorCode::kInvalidFile, where,
                "ends within its header ({} bytes declared, {} there); download it again", length,
                file.size() - kLengthBytes);
  }
  const auto* text = reinterpret_cast<const char*>(file.data()) + kLengthBytes;
  if (length == 0 || text[0] != '{') {
    throw base::Error(ErrorCode::kInvalidFile,
                      "has a header that does not begin with '{'; not a safetensors file?", where);
  }
  return {text, static_cast<size_t>(length)};
}

}  // namespace

int64_t SafetensorsTensor::element_count() const noexcept {
  int64_t count = 1;
  for (const int64_t extent : shape) {
    count *= extent;
  }
  return count;
}

std::string shape_text(std::span<const int64_t> shape) {
  constexpr size_t kMaxShown = 8;
  const auto first = shape.first(std::min(shape.size(), kMaxShown));
  return fmt::format("[{}{}]", fmt::join(first, ", "), shape.size() > kMaxShown ? ", ..." : "");
}

SafetensorsContent parse_safetensors(std::span<const std::byte> file, const std::string& where) {
  const std::string_view text = header_text(file, where);
  const std::span<const std::byte> data = file.subspan(kLengthBytes + text.size());
  const json header = parse_json(text, where);
  SafetensorsContent content;
  std::vector<Interval> intervals;
  intervals.reserve(header.size());
  for (const auto& item : header.items()) {
    if (item.key() == "__metadata__") {
      read_metadata(item.value(), content, where);
      continue;
    }
    Interval interval;
    SafetensorsTensor tensor = read_entry(item.value(), item.key(), where, interval);
    const auto added = content.tensors.emplace(item.key(), std::move(tensor)).first;
    interval.name = &added->first;
    intervals.push_back(interval);
  }
  check_tiling(intervals, static_cast<int64_t>(data.size()), where);
  for (const Interval& interval : intervals) {
    content.tensors.find(*interval.name)->second.bytes = data.subspan(
        static_cast<size_t>(interval.begin), static_cast<size_t>(interval.end - interval.begin));
  }
  return content;
}

SafetensorsFile::SafetensorsFile(const std::string& path)
    : map_(path), content_(parse_safetensors(map_.bytes(), path)) {}

std::string SafetensorsFile::file_name() const { return path().substr(path().rfind('/') + 1); }

const SafetensorsTensor* SafetensorsFile::find(std::string_view name) const {
  const auto found = content_.tensors.find(name);
  return found == content_.tensors.end() ? nullptr : &found->second;
}

const SafetensorsTensor& SafetensorsFile::at(std::string_view name) const {
  const SafetensorsTensor* tensor = find(name);
  if (tensor == nullptr) {
    throw_error(ErrorCode::kNotFound, path(), "holds no tensor {}", base::quote(name));
  }
  return *tensor;
}

}  // namespace levin::formats
