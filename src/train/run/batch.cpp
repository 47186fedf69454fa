#include "train/run/batch.h"

#include <ATen/ATen.h>

#include "base/error.h"

namespace levin::train::run {
namespace {

bool is_answer(data::TokenRole role) {
  return role == data::TokenRole::kAnswer || role == data::TokenRole::kValue ||
         role == data::TokenRole::kCopy;
}

}  // namespace

TrainingBatch make_batch(const std::vector<data::Row>& rows) {
  LEVIN_CHECK(!rows.empty());
  const auto row_tokens = static_cast<int64_t>(rows.front().inputs.size());
  const int64_t tokens = row_tokens * static_cast<int64_t>(rows.size());
  TrainingBatch batch;
  batch.pack.tokens = at::empty({tokens}, at::kLong);
  batch.pack.documents.tokens = tokens;
  batch.targets = at::empty({tokens}, at::kLong);
  batch.text_weights = at::zeros({tokens});
  batch.answer_weights = at::zeros({tokens});
  batch.is_value = at::zeros({tokens}, at::kBool);
  auto* inputs = batch.pack.tokens.data_ptr<int64_t>();
  auto* targets = batch.targets.data_ptr<int64_t>();
  auto* text_weights = batch.text_weights.data_ptr<float>();
  auto* answer_weights = batch.answer_weights.data_ptr<float>();
  auto* is_value = batch.is_value.data_ptr<bool>();
  int64_t begin = 0;
  for (const data::Row& row : rows) {
    LEVIN_CHECK(static_cast<int64_t>(row.inputs.size()) == row_tokens);
    for (const int64_t start : row.document_starts) {
      batch.pack.documents.begins.push_back(begin + start);
    }
    for (int64_t i = 0; i < row_tokens; ++i) {
      inputs[begin + i] = row.inputs[i];
      targets[begin + i] = row.targets[i];
      (is_answer(row.roles[i]) ? answer_weights : text_weights)[begin + i] = row.weights[i];
      is_value[begin + i] = row.roles[i] == data::TokenRole::kValue;
    }
    begin += row_tokens;
  }
  return batch;
}

}  // namespace levin::train::run
