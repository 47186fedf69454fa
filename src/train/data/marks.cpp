#include "train/data/marks.h"

#include "base/error.h"
#include "text/prompt.h"

namespace levin::train::data {

Marks find_marks(const text::Tokenizer& tokenizer, const std::string& where) {
  const auto find = [&](std::string_view content) {
    const auto id = tokenizer.id_of(content);
    if (!id) {
      base::throw_error(base::ErrorCode::kInvalidFile, where,
                        "the added token {} is not there; the training data is written in "
                        "DeepSeek-V3.1's chat format and needs it",
                        content);
    }
    return *id;
  };
  namespace markup = text::markup;
  return {find(markup::kBos), find(markup::kEos), find(markup::kUser), find(markup::kAssistant),
          find(markup::kThinkEnd)};
}

}  // namespace levin::train::data
