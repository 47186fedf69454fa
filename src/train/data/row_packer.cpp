#include "train/data/row_packer.h"

#include <utility>

#include "base/error.h"

namespace levin::train::data {
namespace {

template <typename T>
void append(std::vector<T>& to, const std::vector<T>& from, size_t skip_front, size_t skip_back) {
  to.insert(to.end(), from.begin() + static_cast<std::ptrdiff_t>(skip_front),
            from.end() - static_cast<std::ptrdiff_t>(skip_back));
}

}  // namespace

RowPacker::RowPacker(int64_t row_tokens) : row_tokens_(row_tokens) {
  if (row_tokens < 1) {
    base::throw_error(base::ErrorCode::kInvalidArgument, "row_tokens",
                      "at least 1 prediction expected, got {}", row_tokens);
  }
}

void RowPacker::add(const Sample& sample) {
  LEVIN_CHECK(sample.tokens() >= 2 && sample.tokens() - 1 <= room());
  row_.document_starts.push_back(static_cast<int64_t>(row_.inputs.size()));
  append(row_.inputs, sample.ids, 0, 1);
  append(row_.targets, sample.ids, 1, 0);
  append(row_.weights, sample.weights, 1, 0);
  append(row_.roles, sample.roles, 1, 0);
}

Row RowPacker::take() {
  LEVIN_CHECK(room() == 0);
  return std::move(row_);
}

}  // namespace levin::train::data
