#include "train/nn/documents.h"

#include "base/error.h"

namespace levin::train::nn {

void check_documents(const Documents& documents, int64_t tokens, const std::string& where) {
  using base::ErrorCode;
  if (documents.tokens != tokens) {
    base::throw_error(ErrorCode::kInvalidArgument, where,
                      "the documents cover {} tokens, the tensors hold {}", documents.tokens,
                      tokens);
  }
  if (documents.begins.empty() || documents.begins.front() != 0) {
    base::throw_error(ErrorCode::kInvalidArgument, where,
                      "the first document must begin at token 0");
  }
  for (int64_t document_idx = 0; document_idx < documents.count(); ++document_idx) {
    if (documents.begin(document_idx) >= documents.end(document_idx)) {
      base::throw_error(
          ErrorCode::kInvalidArgument, where,
          "document {} begins at token {} and ends at {}; documents must ascend and hold "
          "at least one token",
          document_idx, documents.begin(document_idx), documents.end(document_idx));
    }
  }
}

}  // namespace levin::train::nn
