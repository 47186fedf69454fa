#include "train/data/corpus.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/error.h"
#include "base/files.h"

namespace levin::train::data {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;

constexpr int64_t kMaxTextBytes = int64_t{256} << 20;

Book read_book(const fs::path& path) {
  Book book{path.stem().string(), {}};
  const std::string text = base::read_file(path.string(), kMaxTextBytes);
  for (size_t pos = 0; pos < text.size();) {
    const size_t end = std::min(text.find('\n', pos), text.size());
    if (end > pos) {
      book.paragraphs.push_back(text.substr(pos, end - pos));
    }
    pos = end + 1;
  }
  if (book.paragraphs.empty()) {
    throw base::Error(ErrorCode::kInvalidFile, "the book is empty: build the data again",
                      path.string());
  }
  return book;
}

}  // namespace

CorpusSplit split_corpus(Corpus corpus, std::string_view held_out_book,
                         std::string_view shared_book) {
  CorpusSplit split;
  for (Book& book : corpus.books) {
    if (book.name == held_out_book) {
      split.held_out.books.push_back(std::move(book));
      continue;
    }
    if (book.name == shared_book) {
      const auto cut =
          book.paragraphs.begin() + static_cast<std::ptrdiff_t>(book.paragraphs.size() * 9 / 10);
      split.held_out.books.push_back({book.name, {cut, book.paragraphs.end()}});
      book.paragraphs.erase(cut, book.paragraphs.end());
    }
    split.train.books.push_back(std::move(book));
  }
  return split;
}

std::string book_text(const Book& book) {
  std::string text;
  for (const std::string& paragraph : book.paragraphs) {
    text += paragraph;
    text += '\n';
  }
  return text;
}

Corpus load_corpus(const std::string& folder) {
  if (!fs::is_directory(folder)) {
    throw base::Error(ErrorCode::kNotFound, "there is no folder of books: build the data first",
                      folder);
  }
  std::vector<fs::path> paths;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".txt") {
      paths.push_back(entry.path());
    }
  }
  std::sort(paths.begin(), paths.end());
  if (paths.empty()) {
    throw base::Error(ErrorCode::kInvalidFile, "the corpus is empty: no <book>.txt is there",
                      folder);
  }
  Corpus corpus;
  for (const fs::path& path : paths) {
    corpus.books.push_back(read_book(path));
  }
  return corpus;
}

std::vector<std::string_view> split_sentences(std::string_view paragraph) {
  std::vector<std::string_view> sentences;
  size_t begin = 0;
  for (size_t space = paragraph.find(' '); space != std::string_view::npos;
       space = paragraph.find(' ', space + 1)) {
    size_t last = space;
    while (last > begin && (paragraph[last - 1] == '"' || paragraph[last - 1] == '\'' ||
                            paragraph[last - 1] == ')')) {
      --last;
    }
    if (last > begin &&
        std::string_view(".!?;").find(paragraph[last - 1]) != std::string_view::npos) {
      sentences.push_back(paragraph.substr(begin, space - begin));
      begin = space + 1;
    }
  }
  if (begin < paragraph.size()) {
    sentences.push_back(paragraph.substr(begin));
  }
  return sentences;
}

}  // namespace levin::train::data
