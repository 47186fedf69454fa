// The books: cleaned prose in paragraphs, split into a part to train on and a part held out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace levin::train::data {

/// A book as its paragraphs, each one line of text without markup.
struct Book {
  std::string name;  ///< "emma"
  std::vector<std::string> paragraphs;
};

struct Corpus {
  std::vector<Book> books;
};

struct CorpusSplit {
  Corpus train;
  Corpus held_out;
};

/// Holds out the whole book `held_out_book`, and of the book `shared_book` the paragraphs from nine
/// tenths on; everything else is for training. Books that are not there are no error.
[[nodiscard]] CorpusSplit split_corpus(Corpus corpus, std::string_view held_out_book,
                                       std::string_view shared_book);

/// A book as a file: one paragraph a line.
[[nodiscard]] std::string book_text(const Book& book);

/// Reads every `<name>.txt` of `folder`, by name. Throws Error(kNotFound|kIo), and
/// Error(kInvalidFile) if there is no book or one without text.
[[nodiscard]] Corpus load_corpus(const std::string& folder);

/// The sentences of a paragraph: they end behind . ! ? or ; and a quotation mark that may follow,
/// where a space comes next. Together, with single spaces between, they are the paragraph.
[[nodiscard]] std::vector<std::string_view> split_sentences(std::string_view paragraph);

}  // namespace levin::train::data
