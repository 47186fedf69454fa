// The tokenizer of a model that is there, for data that the model is to be trained on.
#pragma once

#include <cstdint>
#include <string>

#include "train/data/tokenizer_files.h"

namespace levin::train::data {

struct GivenTokenizer {
  TokenizerFiles files;    ///< tokenizer_config_json is empty if the folder has none
  int32_t vocab_size = 0;  ///< largest id + 1
};

/// Reads `model_folder`. Throws what Tokenizer::load throws, and Error(kInvalidFile) naming the
/// first mark of the chat format that the generators need and the tokenizer lacks.
[[nodiscard]] GivenTokenizer load_given_tokenizer(const std::string& model_folder);

}  // namespace levin::train::data
