// The real tokenizer on the 305 strings of tests/data/text/tokens.jsonl (see manifest.json there).
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "test_tokenizers.h"

namespace levin::text {
namespace {

using nlohmann::json;

std::vector<json> golden_lines() {
  std::istringstream stream(text_data("tokens.jsonl"));
  std::vector<json> lines;
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(json::parse(line));
  }
  return lines;
}

std::string bytes_of_hex(const std::string& hex) {
  std::string bytes;
  for (size_t pos = 0; pos < hex.size(); pos += 2) {
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(pos, 2), nullptr, 16)));
  }
  return bytes;
}

std::string input_of(const json& line) {
  return line.contains("bytes") ? bytes_of_hex(line["bytes"]) : line["text"].get<std::string>();
}

TEST(GoldenTokens, AllLinesAreThere) { EXPECT_EQ(golden_lines().size(), 305U); }

TEST(GoldenTokens, EncodingWithTheTokensOfV31IsExact) {
  const Tokenizer* tokenizer = deepseek_tokenizer(true);
  if (tokenizer == nullptr) {
    GTEST_SKIP() << kFetchHint;
  }
  for (const json& line : golden_lines()) {
    EXPECT_EQ(tokenizer->encode(input_of(line)).ids, line["ids"].get<std::vector<int32_t>>())
        << line.dump();
  }
}

TEST(GoldenTokens, EncodingWithTheTokensOfV3IsExact) {
  const Tokenizer* tokenizer = deepseek_tokenizer(false);
  if (tokenizer == nullptr) {
    GTEST_SKIP() << kFetchHint;
  }
  for (const json& line : golden_lines()) {
    const json& ids = line.contains("ids_v3") ? line["ids_v3"] : line["ids"];
    EXPECT_EQ(tokenizer->encode(input_of(line)).ids, ids.get<std::vector<int32_t>>())
        << line.dump();
  }
}

TEST(GoldenTokens, DecodingIsExact) {
  const Tokenizer* tokenizer = deepseek_tokenizer(true);
  if (tokenizer == nullptr) {
    GTEST_SKIP() << kFetchHint;
  }
  for (const json& line : golden_lines()) {
    const std::string expected = line.value("decoded", line["text"].get<std::string>());
    EXPECT_EQ(tokenizer->decode(line["ids"].get<std::vector<int32_t>>()), expected) << line.dump();
  }
}

TEST(GoldenTokens, TheRealTokenizerHasTheSpecialTokensOfTheSpecification) {
  const Tokenizer* tokenizer = deepseek_tokenizer(true);
  if (tokenizer == nullptr) {
    GTEST_SKIP() << kFetchHint;
  }
  EXPECT_EQ(tokenizer->vocab_size(), 128815);
  EXPECT_EQ(tokenizer->bos_id(), 0);
  EXPECT_EQ(tokenizer->eos_id(), 1);
  EXPECT_EQ(tokenizer->id_of("<think>"), 128798);
  EXPECT_EQ(tokenizer->id_of("</think>"), 128799);
  EXPECT_EQ(tokenizer->id_of("<｜User｜>"), 128803);
  EXPECT_EQ(tokenizer->id_of("<|EOT|>"), 128805);
  EXPECT_TRUE(tokenizer->is_special(128805));
  EXPECT_FALSE(tokenizer->is_special(128803));
  EXPECT_FALSE(tokenizer->is_known(128815));
}

}  // namespace
}  // namespace levin::text
