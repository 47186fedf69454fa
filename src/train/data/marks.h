// The markup tokens of DeepSeek's chat format.
#pragma once

#include <cstdint>
#include <string>

#include "text/tokenizer.h"

namespace levin::train::data {

struct Marks {
  int32_t bos = 0;
  int32_t eos = 0;
  int32_t user = 0;
  int32_t assistant = 0;
  int32_t think_end = 0;  ///< opens an answer without thinking
};

/// Throws Error(kInvalidFile) naming the first that `tokenizer` lacks; `where` is its file.
[[nodiscard]] Marks find_marks(const text::Tokenizer& tokenizer,
                               const std::string& where = "tokenizer.json");

}  // namespace levin::train::data
