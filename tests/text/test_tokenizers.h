// Tokenizers that several tests share.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "text/prompt.h"
#include "text/tokenizer.h"

namespace levin::text {

inline const std::string kBos{markup::kBos};
inline const std::string kEos{markup::kEos};

/// The folder of the real tokenizer.json: $LEVIN_DEEPSEEK_TOKENIZER, else where
/// tools/fetch_tokenizer.sh puts it.
std::string deepseek_folder();

/// The real tokenizer; with `is_v31` its placeholders 796-799 carry the names of V3.1 and later.
/// Null if it is not there: skip the test with kFetchHint.
const Tokenizer* deepseek_tokenizer(bool is_v31);

inline constexpr const char* kFetchHint =
    "the real tokenizer.json is not here; run tools/fetch_tokenizer.sh first";

/// The 4,096-token tokenizer of tests/data/text.
const Tokenizer& mini_tokenizer();

/// The ids of all added tokens.
std::vector<int32_t> added_ids(const Tokenizer& tokenizer);

/// Content of a file of tests/data/text.
std::string text_data(const std::string& name);

/// `count` pseudo-random code points (letters, digits, white space, marks, CJK, emoji, ...).
std::string random_text(uint64_t seed, int count);

/// The sentence of the base::Error that `call` throws; empty if it throws none.
template <typename Call>
std::string error_of(Call&& call) {
  try {
    call();
  } catch (const base::Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace levin::text
