// The books: cleaned prose in paragraphs, split into training and held-out parts.
#pragma once

#include <string>
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

}  // namespace levin::train::data
