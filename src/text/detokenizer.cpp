#include "text/detokenizer.h"

#include <utility>

#include "base/utf8.h"

namespace levin::text {

std::string Detokenizer::push(int32_t id) {
  if (skip_special_ && tokenizer_.is_special(id)) {
    return {};
  }
  pending_ += tokenizer_.token_bytes(id);
  const size_t complete = pending_.size() - base::incomplete_utf8_tail(pending_);
  std::string text = base::repair_utf8(std::string_view(pending_).substr(0, complete)).text;
  pending_.erase(0, complete);
  return text;
}

std::string Detokenizer::flush() {
  return base::repair_utf8(std::exchange(pending_, std::string())).text;
}

}  // namespace levin::text
