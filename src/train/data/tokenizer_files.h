// Makes the tokenizer of a data folder: tokenizer.json and tokenizer_config.json.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "train/data/corpus.h"

namespace levin::train::data {

struct TokenizerFiles {
  std::string tokenizer_json;
  std::string tokenizer_config_json;  ///< marks, and the chat template of DeepSeek-V3.1
};

/// Trains a byte-level BPE of `vocab_size` ids on the books and on the texts that `add_more` hands
/// to its argument (look-up documents, so that their words become tokens). Ids: 0 BOS, 1 EOS,
/// 2 padding, 256 bytes, merges, then the other marks of DeepSeek-V3.1's chat format. The
/// pre-tokenizer is DeepSeek-V3's; no token spans two digits. Throws what train_bpe throws.
[[nodiscard]] TokenizerFiles train_tokenizer(
    const Corpus& corpus,
    const std::function<void(const std::function<void(std::string_view)>&)>& add_more,
    int32_t vocab_size);

}  // namespace levin::train::data
