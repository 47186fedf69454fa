// The two small files beside tokenizer.json: tokenizer_config.json and config.json.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "text/tokenizer.h"

namespace levin::text {

struct SequenceMarks {
  std::optional<int32_t> bos_id;
  std::optional<int32_t> eos_id;
};

/// BOS and EOS as `folder` names them: `bos_token` and `eos_token` of tokenizer_config.json (a
/// string, or an object with `content`), else `bos_token_id` and `eos_token_id` of config.json
/// (of a list, the first). Either file may be missing. Throws Error(kInvalidFile) for ill-formed
/// JSON and for a token or id that `tokenizer` does not know.
[[nodiscard]] SequenceMarks read_sequence_marks(const std::string& folder,
                                                const Tokenizer& tokenizer);

/// True if tokenizer_config.json holds a `chat_template`, or a chat_template.jinja or
/// chat_template.json lies in `folder`.
[[nodiscard]] bool has_chat_template(const std::string& folder);

/// `model_type` of `folder`/config.json; empty if there is none.
[[nodiscard]] std::string read_model_type(const std::string& folder);

}  // namespace levin::text
