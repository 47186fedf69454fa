// The books that the training data is made of: where each comes from and how it is cleaned.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "train/data/corpus.h"

namespace levin::train::data {

/// A book as tools/fetch_corpus.sh leaves it. Licences: docs/data.md.
struct SourceBook {
  std::string_view name;     ///< its file is <name>.txt
  std::string_view sha256;   ///< of that file
  std::string_view package;  ///< Debian package that ships the text
  std::string_view begin;    ///< the text proper begins with the first line that begins so
  std::string_view end;  ///< ... and ends before the next line that begins so; empty: file's end
  int lines_per_paragraph = 0;  ///< 0: blank lines part paragraphs
};

/// All of them, by name.
[[nodiscard]] std::span<const SourceBook> source_books();

/// Reads and cleans `source` from `folder`. Throws Error(kNotFound) saying how to fetch the books,
/// Error(kInvalidFile) if the checksum is another one or the text proper is not found.
[[nodiscard]] Book load_source_book(const SourceBook& source, const std::string& folder);

/// The paragraphs of `text`, each on one line of plain ASCII: typographic quotes and dashes become
/// plain ones, accents and underscores are dropped, runs of blanks become one.
[[nodiscard]] std::vector<std::string> clean_paragraphs(std::string_view text,
                                                        int lines_per_paragraph);

}  // namespace levin::train::data
