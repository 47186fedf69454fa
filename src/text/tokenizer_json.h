// Reads a `tokenizer.json` of the Hugging Face tokenizers library (byte-level BPE) into plain data.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/added_tokens.h"
#include "text/bpe.h"

namespace levin::text {

struct VocabEntry {
  std::string content;  ///< in stand-ins (text/byte_level.h)
  int32_t id = 0;
};

/// A tokenizer file, checked: ids are unique and below `id_count`, merges name known tokens, every
/// byte has a token.
struct TokenizerSpec {
  std::vector<VocabEntry> vocab;
  std::vector<Merge> merges;            ///< in order of priority
  std::array<int32_t, 256> byte_ids{};  ///< token of every single byte
  std::vector<AddedToken> added_tokens;
  std::vector<std::string> split_patterns;  ///< pre-tokenizer, in order; all "isolated"
  bool ignore_merges = false;  ///< a piece that is a token as a whole is taken without merging
  int32_t id_count = 0;        ///< largest id + 1
};

/// Parses `json`; `where` (the path) begins every error. Throws Error(kInvalidFile) naming the key
/// for ill-formed JSON or UTF-8, missing keys, wrong types and contradictions;
/// Error(kUnsupported) naming the type for a model, normalizer, pre-tokenizer, post-processor or
/// decoder other than byte-level BPE's.
[[nodiscard]] TokenizerSpec parse_tokenizer_json(std::string_view json, const std::string& where);

}  // namespace levin::text
