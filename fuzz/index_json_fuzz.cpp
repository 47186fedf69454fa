// parse_checkpoint_index on arbitrary text; no accepted name may lead out of the folder.
#include <string>

#include "formats/checkpoint_index.h"
#include "fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  levin::fuzz::expect_answer_or_error([&] {
    const auto index =
        levin::formats::parse_checkpoint_index(levin::fuzz::as_text(data, size), "input");
    for (const auto& [tensor_name, file_name] : index.weight_map) {
      levin::fuzz::require(file_name.ends_with(".safetensors") &&
                               file_name.find('/') == std::string::npos &&
                               file_name.find('\\') == std::string::npos &&
                               file_name.find("..") == std::string::npos &&
                               file_name.find('\0') == std::string::npos,
                           "a shard is a plain name in the same folder");
    }
  });
  return 0;
}
