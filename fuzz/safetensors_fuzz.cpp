// The safetensors reader on arbitrary files. Most mutations would only break the length field, so
// the text from the first '{' to the last '}' is tried under a correct one as well.
#include <cstring>
#include <span>
#include <string>

#include "formats/safetensors.h"
#include "formats/tensor_values.h"
#include "fuzz_target.h"

namespace {

using levin::formats::SafetensorsContent;

void parse(std::string_view file) {
  levin::fuzz::expect_answer_or_error([&] {
    const auto bytes = std::as_bytes(std::span(file));
    const SafetensorsContent content = levin::formats::parse_safetensors(bytes, "input");
    size_t total = 0;
    for (const auto& entry : content.tensors) {
      const levin::formats::SafetensorsTensor& tensor = entry.second;
      total += tensor.bytes.size();
      levin::fuzz::require(!tensor.dtype || static_cast<int64_t>(tensor.bytes.size()) ==
                                                tensor.element_count() * dtype_bytes(*tensor.dtype),
                           "a tensor has the bytes of its shape");
      levin::fuzz::expect_answer_or_error([&] { to_f32_values(tensor, entry.first); });
      levin::fuzz::expect_answer_or_error([&] { to_i64_values(tensor, entry.first); });
    }
    levin::fuzz::require(total <= bytes.size(), "the tensors lie in the file");
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input = levin::fuzz::as_text(data, size);
  parse(input);
  const size_t begin = input.find('{');
  const size_t end = input.rfind('}');
  if (begin != std::string_view::npos && end != std::string_view::npos && begin < end) {
    const uint64_t length = end + 1 - begin;
    std::string file(sizeof length, '\0');
    std::memcpy(file.data(), &length, sizeof length);
    parse(file.append(input.substr(begin)));
  }
  return 0;
}
