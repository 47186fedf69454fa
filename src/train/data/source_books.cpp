#include "train/data/source_books.h"

#include <array>
#include <filesystem>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "train/data/sha256.h"

namespace levin::train::data {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;

constexpr int64_t kMaxBookBytes = int64_t{64} << 20;

constexpr std::array<SourceBook, 10> kBooks = {{
    {"devils_dictionary", "315a8aac5fd006d1608cb3f569b2a4a3e49250980cdb975286e91929d6594f1c",
     "dict-devil", "ABASEMENT, n.", " abcdefghijk", 0},
    {"emma", "7c67b5985c6d0de1efaeb5d342d52cb82c38083c40e2295129e30e87ee690ebe",
     "r-cran-janeaustenr", "Emma Woodhouse, handsome", "FINIS", 0},
    {"king_james_bible", "b5c4940bcfeee072c0935b5200d0f9d88a00a0199cb0961d16133458fcdfae5d",
     "bible-kjv-text", "In the beginning God", "", 5},
    {"mansfield_park", "98bc90519cdf4ef663ad7de2734bb529435ef24f7abbde6bb1a50898871dafe9",
     "r-cran-janeaustenr", "About thirty years ago", "THE END", 0},
    {"moby_dick", "ab9a071ba493830c671a4f32a6eb8145a994966e8aef1846a0f502f1f47bcb39",
     "r-cran-tokenizers", "Call me Ishmael.", "End of Project Gutenberg", 0},
    {"northanger_abbey", "51f91bbe0517db8e65cff009b097ce0a1836124c4e0532ac19e6c0cad982abed",
     "r-cran-janeaustenr", "No one who had ever seen", "*Vide a letter", 0},
    {"persuasion", "8061549557aebd2fd6e353d18d9197cb707029112bd52d4d8b174583a925848a",
     "r-cran-janeaustenr", "Sir Walter Elliot, of Kellynch Hall", "Finis", 0},
    {"pride_and_prejudice", "dfc684d4f857fa938268f9ab9c5567b64bd0691251eca959644adeabe6287a4d",
     "r-cran-janeaustenr", "It is a truth universally", "", 0},
    {"sense_and_sensibility", "105e1651fe93bed7130078578efd31e0c557d68667ba672ddc876f735b30fe09",
     "r-cran-janeaustenr", "The family of Dashwood", "THE END", 0},
    {"world_english_bible", "a5e7ca43e545e394cf711f92ac4919db9522166ed44f320af808eda7c46c64a6",
     "sword-text-web", "In the beginning, God",
     "The grace of the Lord Jesus Christ be with all the saints", 0},
}};

/// Typographic characters and their plain ASCII; what is not listed is dropped.
constexpr std::array<std::pair<std::string_view, std::string_view>, 22> kPlain = {{
    {"‘", "'"},   {"’", "'"},  {"“", "\""}, {"”", "\""}, {"—", " - "}, {"–", "-"},
    {"…", "..."}, {"æ", "ae"}, {"œ", "oe"}, {"é", "e"},  {"è", "e"},   {"ê", "e"},
    {"à", "a"},   {"â", "a"},  {"ä", "a"},  {"ç", "c"},  {"î", "i"},   {"ô", "o"},
    {"ö", "o"},   {"ü", "u"},  {"ñ", "n"},  {"Æ", "Ae"},
}};

size_t utf8_length(char lead) {
  const auto byte = static_cast<uint8_t>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

std::string plain_ascii(std::string_view line) {
  std::string out;
  for (size_t pos = 0; pos < line.size();) {
    const std::string_view letter = line.substr(pos, utf8_length(line[pos]));
    pos += letter.size();
    if (letter == "-" && line.substr(pos, 1) == "-") {
      out += " - ";
      pos = std::min(line.find_first_not_of('-', pos), line.size());
    } else if (letter.size() == 1) {
      out +=
          letter == "_" || letter == "\t" || letter == "\r" ? (letter == "_" ? "" : " ") : letter;
    } else {
      for (const auto& [from, to] : kPlain) {
        out += letter == from ? to : "";
      }
    }
  }
  return out;
}

/// Appends the words of `line` to `paragraph`, with one space between them.
void append_words(std::string& paragraph, std::string_view line) {
  const std::string plain = plain_ascii(line);
  for (size_t pos = plain.find_first_not_of(' '); pos != std::string::npos;) {
    const size_t end = std::min(plain.find(' ', pos), plain.size());
    paragraph += paragraph.empty() ? "" : " ";
    paragraph.append(plain, pos, end - pos);
    pos = plain.find_first_not_of(' ', end);
  }
}

/// The part of `text` between the lines that the source names.
std::string_view text_proper(const SourceBook& source, std::string_view text,
                             const std::string& path) {
  const size_t begin = ("\n" + std::string(text)).find("\n" + std::string(source.begin));
  if (begin == std::string_view::npos) {
    base::throw_error(ErrorCode::kInvalidFile, path, "no line begins with {:?}", source.begin);
  }
  text.remove_prefix(begin);
  if (!source.end.empty()) {
    const size_t end = text.find("\n" + std::string(source.end));
    if (end == std::string_view::npos) {
      base::throw_error(ErrorCode::kInvalidFile, path, "no line begins with {:?}", source.end);
    }
    text = text.substr(0, end);
  }
  return text;
}

}  // namespace

std::span<const SourceBook> source_books() { return kBooks; }

std::vector<std::string> clean_paragraphs(std::string_view text, int lines_per_paragraph) {
  std::vector<std::string> paragraphs;
  std::string paragraph;
  int lines = 0;
  const auto finish = [&] {
    if (!paragraph.empty()) {
      paragraphs.push_back(std::move(paragraph));
    }
    paragraph.clear();
    lines = 0;
  };
  for (size_t pos = 0; pos < text.size();) {
    const size_t end = std::min(text.find('\n', pos), text.size());
    const std::string_view line = text.substr(pos, end - pos);
    pos = end + 1;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) {
      finish();
      continue;
    }
    append_words(paragraph, line);
    if (++lines == lines_per_paragraph) {
      finish();
    }
  }
  finish();
  return paragraphs;
}

Book load_source_book(const SourceBook& source, const std::string& folder) {
  const std::string path = (fs::path(folder) / (std::string(source.name) + ".txt")).string();
  if (!fs::exists(path)) {
    throw base::Error(ErrorCode::kNotFound,
                      "the book is not there; tools/fetch_corpus.sh fetches all of them", path);
  }
  const std::string text = base::read_file(path, kMaxBookBytes);
  const std::string sha256 = sha256_hex(text);
  if (sha256 != source.sha256) {
    base::throw_error(ErrorCode::kInvalidFile, path,
                      "the checksum is {}, expected {}: remove the file and run "
                      "tools/fetch_corpus.sh; another version of the package {} makes other data",
                      sha256, source.sha256, source.package);
  }
  return {std::string(source.name),
          clean_paragraphs(text_proper(source, text, path), source.lines_per_paragraph)};
}

}  // namespace levin::train::data
