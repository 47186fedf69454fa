#include "train/data/text_rows.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/utf8.h"
#include "train/data/random_stream.h"
#include "train/data/row_packer.h"
#include "train/data/sample_writer.h"
#include "train/data/sha256.h"

namespace levin::train::data {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;

constexpr int64_t kStretchesPerRow = int64_t{1} << 20;
/// Of a token on average, with room to spare; where more are needed twice as many are read.
constexpr int64_t kTokenBytes = 8;
/// The end of a window may cut a word: its last tokens are not used.
constexpr int64_t kSpareTokens = 16;
/// A place inside a longer line is where its next character begins.
constexpr size_t kLongestLineBytes = size_t{1} << 14;

std::string_view text_of(const base::MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

std::vector<std::string> text_paths(const std::string& path) {
  if (!fs::exists(path)) {
    throw base::Error(ErrorCode::kNotFound,
                      "there is no such file or folder; name a folder of `levin-train data build`, "
                      "a text file or a folder of *.txt files",
                      path);
  }
  if (!fs::is_directory(path)) {
    return {path};
  }
  std::vector<std::string> paths;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path)) {
    if (entry.is_regular_file() && entry.path().extension() == ".txt") {
      paths.push_back(entry.path().string());
    }
  }
  std::ranges::sort(paths);
  return paths;
}

/// The next beginning of a line behind `offset`, or of a character if the line is very long.
size_t next_start(std::string_view text, size_t offset) {
  const size_t newline = text.substr(offset, kLongestLineBytes).find('\n');
  if (newline != std::string_view::npos && offset + newline + 1 < text.size()) {
    return offset + newline + 1;
  }
  const auto is_inside = [&](size_t at) {
    return at < text.size() && (static_cast<uint8_t>(text[at]) & 0xC0U) == 0x80U;
  };
  while (is_inside(offset)) {
    ++offset;
  }
  return offset;
}

}  // namespace

TextRows::TextRows(const text::Tokenizer& tokenizer, const std::string& path)
    : tokenizer_(tokenizer), path_(path) {
  for (const std::string& file : text_paths(path)) {
    files_.emplace_back(file);
    total_bytes_ += static_cast<int64_t>(files_.back().bytes().size());
  }
  if (total_bytes_ == 0) {
    throw base::Error(ErrorCode::kInvalidFile, "there is no text: no *.txt file holds any", path);
  }
}

TextRows::Place TextRows::place_at(int64_t byte) const {
  size_t file_idx = 0;
  auto offset = static_cast<size_t>(byte);
  for (; offset >= files_[file_idx].bytes().size(); ++file_idx) {
    offset -= files_[file_idx].bytes().size();
  }
  // The beginning of a file is a place, too.
  return {file_idx, offset == 0 ? 0 : next_start(text_of(files_[file_idx]), offset)};
}

std::vector<int32_t> TextRows::encode_from(const Place& place, int64_t tokens) const {
  const std::string_view text = text_of(files_[place.file_idx]).substr(place.offset);
  for (auto bytes = static_cast<size_t>((tokens + kSpareTokens) * kTokenBytes);; bytes *= 2) {
    std::string_view window = text.substr(0, bytes);
    const bool is_whole = window.size() == text.size();
    if (!is_whole) {
      window.remove_suffix(base::incomplete_utf8_tail(window));
    }
    if (!base::is_valid_utf8(window)) {
      throw base::Error(ErrorCode::kInvalidFile,
                        "this is no UTF-8 text; convert it or leave it out",
                        files_[place.file_idx].path());
    }
    std::vector<int32_t> ids = tokenizer_.encode(window, {.match_added_tokens = false}).ids;
    if (is_whole || static_cast<int64_t>(ids.size()) >= tokens + kSpareTokens) {
      ids.resize(std::min(ids.size(), static_cast<size_t>(tokens)));
      return ids;
    }
  }
}

Row TextRows::make_row(int64_t row_tokens, uint64_t seed, int64_t index) const {
  RowPacker packer(row_tokens);
  for (int64_t stretch = 0; packer.room() > 0; ++stretch) {
    if (stretch == kStretchesPerRow) {
      base::throw_error(ErrorCode::kInvalidFile, path_,
                        "the texts are too short for rows of {} tokens; name more text",
                        row_tokens);
    }
    RandomStream random(
        base::random_bits(seed, static_cast<uint64_t>(index * kStretchesPerRow + stretch)));
    SampleWriter writer(RoleWeights{});
    const std::optional<int32_t> bos = tokenizer_.bos_id();
    if (bos) {
      writer.add_markup(*bos);
    }
    const int64_t room = packer.room() + 1 - (bos ? 1 : 0);
    writer.add(encode_from(place_at(random.below(total_bytes_)), room), TokenRole::kText);
    if (const Sample sample = writer.take(); sample.tokens() >= 2) {
      packer.add(sample);
    }
  }
  return packer.take();
}

std::string TextRows::sha256() const {
  std::string all;
  for (const base::MappedFile& file : files_) {
    all += fs::path(file.path()).filename().string() + " " + sha256_hex(text_of(file)) + "\n";
  }
  return sha256_hex(all);
}

}  // namespace levin::train::data
