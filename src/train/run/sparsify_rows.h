// The rows that sparsify trains on, in the ids of the model's own tokenizer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "text/tokenizer.h"
#include "train/data/build_data.h"
#include "train/data/generator.h"
#include "train/data/sample.h"
#include "train/data/text_rows.h"

namespace levin::train::run {

class SparsifyRows {
 public:
  /// `path` is what --data names:
  ///   a folder of `levin-train data build`  its prose and look-up documents if it has the model's
  ///                                         tokenizer, else its books as plain text
  ///   a text file, or a folder of *.txt     plain text
  /// Throws Error(kNotFound | kIo | kInvalidFile) naming the file.
  SparsifyRows(const std::string& path, const std::string& model_dir);

  /// Row number `index`; throws as Generator and TextRows do.
  [[nodiscard]] data::Row make_row(int64_t row_tokens, uint64_t seed, int64_t index) const;

  /// Changes with the tokenizer or the text.
  [[nodiscard]] const std::string& sha256() const noexcept { return sha256_; }
  /// "plain text of PATH": what the rows are made of.
  [[nodiscard]] const std::string& description() const noexcept { return description_; }

 private:
  text::Tokenizer tokenizer_;
  std::optional<data::DataSet> data_;
  std::optional<data::Generator> generator_;
  std::optional<data::TextRows> text_;
  std::string description_;
  std::string sha256_;
};

}  // namespace levin::train::run
