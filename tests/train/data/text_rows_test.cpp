// Rows of plain text.
#include "train/data/text_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "formats/temporary_folder.h"
#include "train/data/small_data.h"

namespace levin::train::data {
namespace {

using levin::testing::TemporaryFolder;
using test::small_tokenizer;
using ::testing::HasSubstr;

constexpr int64_t kRowTokens = 64;

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

std::string numbered_lines(int lines) {
  std::string text;
  for (int line = 0; line < lines; ++line) {
    text += "  line " + std::to_string(line) + " of the text\n";
  }
  return text;
}

std::string complaint(const std::string& path) {
  try {
    (void)TextRows(small_tokenizer(), path).make_row(kRowTokens, 1, 0);
    return "";
  } catch (const base::Error& error) {
    return error.what();
  }
}

TEST(TextRows, AreTheTextAsItIsBehindBos) {
  const TemporaryFolder folder;
  const std::string text = numbered_lines(500);
  write(folder.file("a.txt"), text);
  const TextRows rows(small_tokenizer(), folder.file("a.txt"));
  for (int64_t index = 0; index < 20; ++index) {
    const Row row = rows.make_row(kRowTokens, 1, index);
    ASSERT_EQ(row.inputs.size(), static_cast<size_t>(kRowTokens));
    EXPECT_EQ(row.inputs.front(), small_tokenizer().bos_id());
    if (row.document_starts.size() == 1) {  // did not come to the end of the file
      const std::string read = small_tokenizer().decode(std::span(row.inputs).subspan(1));
      EXPECT_THAT(text, HasSubstr(read));
      EXPECT_EQ(read.substr(0, 7), "  line ") << "a stretch begins with a line";
    }
  }
}

TEST(TextRows, AreAFunctionOfSeedAndIndexAndOfAllFiles) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder.file("more"));
  write(folder.file("a.txt"), numbered_lines(200));
  write(folder.file("more/b.txt"), numbered_lines(300));
  write(folder.file("picture.png"), "\xff\xfe");
  const TextRows rows(small_tokenizer(), folder.path());
  EXPECT_EQ(rows.make_row(kRowTokens, 1, 5).inputs, rows.make_row(kRowTokens, 1, 5).inputs);
  EXPECT_NE(rows.make_row(kRowTokens, 1, 5).inputs, rows.make_row(kRowTokens, 1, 6).inputs);
  EXPECT_NE(rows.make_row(kRowTokens, 1, 5).inputs, rows.make_row(kRowTokens, 2, 5).inputs);
  const std::string before = rows.sha256();
  write(folder.file("more/b.txt"), numbered_lines(301));
  EXPECT_NE(TextRows(small_tokenizer(), folder.path()).sha256(), before);
}

TEST(TextRows, AShortTextFillsARowInSeveralDocuments) {
  const TemporaryFolder folder;
  write(folder.file("a.txt"), "A short text.\nTwo lines.\n");
  const Row row = TextRows(small_tokenizer(), folder.path()).make_row(kRowTokens, 1, 0);
  EXPECT_GT(row.document_starts.size(), 2U);
  EXPECT_EQ(row.inputs.size(), static_cast<size_t>(kRowTokens));
}

TEST(TextRows, SayWhatIsNoText) {
  const TemporaryFolder folder;
  EXPECT_THAT(complaint(folder.file("none")), HasSubstr("no such file or folder"));
  EXPECT_THAT(complaint(folder.path()), HasSubstr("there is no text"));
  write(folder.file("a.txt"), "");
  EXPECT_THAT(complaint(folder.path()), HasSubstr("there is no text"));
  write(folder.file("a.txt"), std::string(1000, '\xff'));
  EXPECT_THAT(complaint(folder.path()), HasSubstr("a.txt: this is no UTF-8 text"));
}

}  // namespace
}  // namespace levin::train::data
