#include "train/run/rows_checksum.h"

#include <algorithm>
#include <span>

#include "base/error.h"
#include "train/data/sha256.h"

namespace levin::train::run {
namespace {

/// Of each stage. So many short rows hold every kind of document that is not rare.
constexpr int64_t kTokens = 4096;
constexpr int64_t kLeastRows = 2;

template <typename Value>
void append(std::string& bytes, const std::vector<Value>& values) {
  const auto view = std::as_bytes(std::span(values));
  bytes.append(reinterpret_cast<const char*>(view.data()), view.size());
}

}  // namespace

std::string rows_sha256(const recipe::Recipe& recipe, const data::Generator& generator) {
  std::string bytes;
  for (const recipe::StageSettings& stage : recipe.stages) {
    const int64_t rows = std::max(kLeastRows, kTokens / stage.row_tokens);
    for (int64_t row_idx = 0; row_idx < rows; ++row_idx) {
      const data::Row row = generator.make_row(stage.sample, stage.row_tokens,
                                               static_cast<uint64_t>(recipe.run.seed), row_idx);
      append(bytes, row.inputs);
      append(bytes, row.targets);
      append(bytes, row.weights);
      append(bytes, row.roles);
      append(bytes, row.document_starts);
    }
  }
  return data::sha256_hex(bytes);
}

void require_same_rows(const StoredCheckpoint& checkpoint, const std::string& rows_sha256) {
  const std::string& trained_on = checkpoint.state.rows_sha256;
  if (!trained_on.empty() && trained_on != rows_sha256) {
    base::throw_error(base::ErrorCode::kInvalidFile, checkpoint.path,
                      "this version of levin-train makes other training rows than those of this "
                      "checkpoint (checksum {} instead of {}): go on with the version that "
                      "training_state.json names, or train from the start in another --out",
                      rows_sha256, trained_on);
  }
}

}  // namespace levin::train::run
