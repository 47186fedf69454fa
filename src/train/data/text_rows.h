// Rows of plain text for any tokenizer: files as they are, without questions or markup.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "text/tokenizer.h"
#include "train/data/sample.h"

namespace levin::train::data {

/// Immutable after construction; threads may share it.
class TextRows {
 public:
  /// `path` is a text file, or a folder whose *.txt files (those of its folders too) are taken in
  /// the order of their paths. They are mapped, not read. `tokenizer` must outlive this. Throws
  /// Error(kNotFound | kIo), and Error(kInvalidFile) if there is no text.
  TextRows(const text::Tokenizer& tokenizer, const std::string& path);

  /// Row number `index`, the same on every machine: a stretch that begins with a line at a random
  /// place of all texts, behind BOS if the tokenizer has one; where its file ends another stretch
  /// follows as a document of its own. Throws Error(kInvalidFile) naming the file if that is not
  /// UTF-8, or if the texts are too short to fill a row.
  [[nodiscard]] Row make_row(int64_t row_tokens, uint64_t seed, int64_t index) const;

  /// SHA-256 of the names (without their folders) and contents of all files, in the order of their
  /// paths.
  [[nodiscard]] std::string sha256() const;

 private:
  struct Place {
    size_t file_idx = 0;
    size_t offset = 0;
  };

  [[nodiscard]] Place place_at(int64_t byte) const;
  /// At most `tokens` tokens of the text from `place` on; fewer where the file ends.
  [[nodiscard]] std::vector<int32_t> encode_from(const Place& place, int64_t tokens) const;

  const text::Tokenizer& tokenizer_;
  std::string path_;
  std::vector<base::MappedFile> files_;
  int64_t total_bytes_ = 0;
};

}  // namespace levin::train::data
