// Turns a stream of tokens into text, never half a character.
#pragma once

#include <cstdint>
#include <string>

#include "text/tokenizer.h"

namespace levin::text {

class Detokenizer {
 public:
  /// `tokenizer` must outlive this. `skip_special` as in Tokenizer::decode.
  explicit Detokenizer(const Tokenizer& tokenizer, bool skip_special = false)
      : tokenizer_(tokenizer), skip_special_(skip_special) {}

  /// The text that became complete with `id`; may be empty. Bytes that cannot become a character
  /// are U+FFFD at once; ids that the tokenizer does not know become nothing.
  [[nodiscard]] std::string push(int32_t id);

  /// The end of the stream: what is kept back becomes U+FFFD. All texts together equal
  /// Tokenizer::decode of all ids. Afterwards a new stream may begin.
  [[nodiscard]] std::string flush();

 private:
  const Tokenizer& tokenizer_;
  bool skip_special_;
  std::string pending_;  // the beginning of a character, 0 to 3 bytes between calls
};

}  // namespace levin::text
