#include "train/run/sparsify_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/files.h"
#include "train/data/sha256.h"

namespace levin::train::run {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kShortestDocument = 256;

/// Prose and look-up documents of every length up to the row's.
data::SampleSpec sample_spec(int64_t row_tokens) {
  data::SampleSpec spec;
  spec.stage = "sparsify";
  spec.document_tokens_max = row_tokens + 1;
  spec.document_tokens_min = std::min(kShortestDocument, spec.document_tokens_max);
  spec.text_share = 0.5;
  spec.facts_max = 8;
  spec.questions_max = 8;
  return spec;
}

}  // namespace

SparsifyRows::SparsifyRows(const std::string& path, const std::string& model_dir)
    : tokenizer_(text::Tokenizer::load(model_dir)) {
  const std::string tokenizer_sha256 = data::sha256_hex(
      base::read_regular_file(model_dir + "/tokenizer.json", text::kMaxTokenizerBytes));
  std::string content_sha256;
  if (fs::exists(path + "/data.json")) {
    data_ = data::load_data(path);
  }
  if (data_ && data_->tokenizer_sha256 == tokenizer_sha256) {
    generator_.emplace(tokenizer_, data_->train);
    description_ = fmt::format("prose and look-up documents of {}", path);
    content_sha256 = data_->manifest_sha256;
  } else {
    text_.emplace(tokenizer_, data_ ? path + "/train" : path);
    description_ = fmt::format("plain text of {}{}", path,
                               data_ ? ", whose tokenizer is not the model's" : "");
    content_sha256 = text_->sha256();
  }
  sha256_ = data::sha256_hex(tokenizer_sha256 + content_sha256);
}

data::Row SparsifyRows::make_row(int64_t row_tokens, uint64_t seed, int64_t index) const {
  return generator_ ? generator_->make_row(sample_spec(row_tokens), row_tokens, seed, index)
                    : text_->make_row(row_tokens, seed, index);
}

}  // namespace levin::train::run
