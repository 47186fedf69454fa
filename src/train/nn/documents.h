// Where the documents of a packed batch begin. Attention never crosses a document's border.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace levin::train::nn {

/// One packed sequence of whole documents: document i covers tokens [begins[i], begins[i + 1]), the
/// last one up to `tokens`. Positions (for RoPE and causality) count from a document's first token.
struct Documents {
  std::vector<int64_t> begins;  ///< ascending, the first is 0
  int64_t tokens = 0;           ///< of the whole pack

  [[nodiscard]] int64_t count() const { return static_cast<int64_t>(begins.size()); }
  [[nodiscard]] int64_t begin(int64_t document_idx) const { return begins[document_idx]; }
  [[nodiscard]] int64_t end(int64_t document_idx) const {
    return document_idx + 1 < count() ? begins[document_idx + 1] : tokens;
  }
};

/// The documents must cover `tokens` tokens, each of at least one, in order. Throws
/// Error(kInvalidArgument) that names `where`.
void check_documents(const Documents& documents, int64_t tokens, const std::string& where);

}  // namespace levin::train::nn
