// What is read from tokenizer.json, and the sentence for each way in which it can be wrong.
#include "text/tokenizer_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "base/utf8.h"
#include "test_tokenizers.h"
#include "text/byte_level.h"

namespace levin::text {
namespace {

using nlohmann::json;

/// A complete file: 256 bytes, "ab" (256), "abab" (257) and the added token "<x>" (300).
json small_file() {
  json vocab = json::object();
  for (int byte = 0; byte < 256; ++byte) {
    std::string stand_in;
    base::append_utf8(stand_in, byte_stand_in(static_cast<uint8_t>(byte)));
    vocab[stand_in] = byte;
  }
  vocab["ab"] = 256;
  vocab["abab"] = 257;
  return {{"normalizer", nullptr},
          {"pre_tokenizer",
           {{"type", "Sequence"},
            {"pretokenizers",
             {{{"type", "Split"},
               {"pattern", {{"Regex", "[0-9]"}}},
               {"behavior", "Isolated"},
               {"invert", false}},
              {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}}},
          {"decoder", {{"type", "ByteLevel"}}},
          {"added_tokens", {{{"id", 300}, {"content", "<x>"}, {"special", true}}}},
          {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", {"a b", {"ab", "ab"}}}}}};
}

/// The error for the small file with `value` at `pointer`.
std::string error_with(const std::string& pointer, const json& value) {
  json file = small_file();
  file[json::json_pointer(pointer)] = value;
  return error_of([&] { (void)parse_tokenizer_json(file.dump(), "t.json"); });
}

std::string error_without(const std::string& pointer, const std::string& key) {
  json file = small_file();
  file[json::json_pointer(pointer)].erase(key);
  return error_of([&] { (void)parse_tokenizer_json(file.dump(), "t.json"); });
}

TEST(TokenizerJson, ReadsTheSmallFile) {
  const TokenizerSpec spec = parse_tokenizer_json(small_file().dump(), "t.json");
  EXPECT_EQ(spec.vocab.size(), 258U);
  EXPECT_EQ(spec.byte_ids[' '], ' ');
  ASSERT_EQ(spec.merges.size(), 2U);
  EXPECT_EQ(spec.merges[1].left, 256);
  EXPECT_EQ(spec.merges[1].merged, 257);
  ASSERT_EQ(spec.added_tokens.size(), 1U);
  EXPECT_TRUE(spec.added_tokens[0].special);
  EXPECT_EQ(spec.split_patterns, std::vector<std::string>{"[0-9]"});
  EXPECT_EQ(spec.id_count, 301);
  EXPECT_FALSE(spec.ignore_merges);
}

TEST(TokenizerJson, DigitsAndTheRegexOfByteLevelArePatternsToo) {
  json file = small_file();
  json& parts = file["pre_tokenizer"]["pretokenizers"];
  parts[0] = {{"type", "Digits"}, {"individual_digits", true}};
  parts[1]["use_regex"] = true;
  const TokenizerSpec spec = parse_tokenizer_json(file.dump(), "t.json");
  ASSERT_EQ(spec.split_patterns.size(), 2U);
  EXPECT_EQ(spec.split_patterns[0], "\\p{N}");
  EXPECT_TRUE(spec.split_patterns[1].starts_with("'s|'t|"));
}

TEST(TokenizerJson, IgnoreMergesTakesAWholePiece) {
  json file = small_file();
  file["model"]["vocab"]["cd"] = 258;
  EXPECT_EQ(Tokenizer::from_json(file.dump(), "").encode("cd").ids,
            (std::vector<int32_t>{'c', 'd'}));
  file["model"]["ignore_merges"] = true;
  EXPECT_EQ(Tokenizer::from_json(file.dump(), "").encode("cd").ids, std::vector<int32_t>{258});
}

TEST(TokenizerJson, TheLongestAddedTokenWins) {
  json file = small_file();
  file["added_tokens"].push_back({{"id", 301}, {"content", "<x>>y"}});
  file["added_tokens"].push_back({{"id", 302}, {"content", "<"}});
  EXPECT_EQ(Tokenizer::from_json(file.dump(), "").encode("<x>>y<x>>z<x").ids,
            (std::vector<int32_t>{301, 300, '>', 'z', 302, 'x'}));
}

TEST(TokenizerJson, IllFormedFilesAreErrors) {
  const auto error = [](const std::string& text) {
    return error_of([&] { (void)parse_tokenizer_json(text, "t.json"); });
  };
  EXPECT_EQ(error("{\"model\": \"\xFF\"}"), "t.json: the file is not valid UTF-8");
  EXPECT_TRUE(error("{").starts_with("t.json: the file is not valid JSON: "));
  EXPECT_TRUE(error("").starts_with("t.json: the file is not valid JSON: "));
  EXPECT_EQ(error("[]"), "t.json: an object expected, got an array");
  EXPECT_EQ(error("{}"), "t.json: the key \"model\" is missing");
}

TEST(TokenizerJson, UnsupportedKindsAreNamed) {
  EXPECT_EQ(error_with("/model/type", "Unigram"),
            "t.json: model: the model type Unigram is not supported, only BPE");
  EXPECT_EQ(error_with("/model/byte_fallback", true),
            "t.json: model: byte_fallback true is not supported, only byte-level vocabularies");
  EXPECT_EQ(error_with("/model/end_of_word_suffix", "</w>"),
            "t.json: model.end_of_word_suffix: a prefix or suffix is not supported");
  EXPECT_EQ(error_with("/normalizer", {{"type", "NFC"}}),
            "t.json: normalizer: the normalizer NFC is not supported: only a tokenizer that takes "
            "text as it is");
  EXPECT_EQ(error_with("/decoder", {{"type", "Metaspace"}}),
            "t.json: decoder: the type Metaspace is not supported, only ByteLevel");
  EXPECT_EQ(error_with("/post_processor", {{"type", "TemplateProcessing"}}),
            "t.json: post_processor: the type TemplateProcessing is not supported, only ByteLevel");
  EXPECT_EQ(error_with("/pre_tokenizer/pretokenizers/0", {{"type", "Whitespace"}}),
            "t.json: pre_tokenizer.pretokenizers[0]: the pre-tokenizer Whitespace is not "
            "supported, only Split, Digits and ByteLevel");
  EXPECT_EQ(error_with("/pre_tokenizer/pretokenizers/0/behavior", "Removed"),
            "t.json: pre_tokenizer.pretokenizers[0]: only behavior Isolated without invert is "
            "supported");
  EXPECT_EQ(error_with("/pre_tokenizer/pretokenizers/0/pattern", {{"String", "x"}}),
            "t.json: pre_tokenizer.pretokenizers[0].pattern: only a pattern of kind Regex is "
            "supported");
  EXPECT_EQ(error_with("/pre_tokenizer/pretokenizers/1/add_prefix_space", true),
            "t.json: pre_tokenizer.pretokenizers[1]: add_prefix_space true is not supported");
  EXPECT_EQ(error_with("/pre_tokenizer/pretokenizers/2", {{"type", "Digits"}}),
            "t.json: pre_tokenizer.pretokenizers[2]: Digits after ByteLevel is not supported");
  EXPECT_EQ(error_with("/pre_tokenizer", {{"type", "Digits"}}),
            "t.json: pre_tokenizer: a pre-tokenizer without ByteLevel is not supported");
  EXPECT_EQ(error_with("/added_tokens/0/lstrip", true),
            "t.json: added_tokens[0]: lstrip true is not supported");
}

TEST(TokenizerJson, BadVocabulariesAreErrors) {
  EXPECT_EQ(error_with("/model/vocab/ab", -1),
            "t.json: model.vocab.ab: the id -1 is out of range: 0 to 65794 expected from the "
            "number of tokens");
  EXPECT_EQ(error_with("/model/vocab/ab", 1 << 30),
            "t.json: model.vocab.ab: the id 1073741824 is out of range: 0 to 65794 expected from "
            "the number of tokens");
  EXPECT_EQ(error_with("/model/vocab/ab", "x"),
            "t.json: model.vocab.ab: an integer expected, got a string");
  EXPECT_EQ(error_with("/model/vocab/ab", 257),
            "t.json: model.vocab: the tokens \"ab\" and \"abab\" have the same id 257");
  EXPECT_EQ(error_without("/model/vocab", "a"),
            "t.json: model.vocab: no token for the byte 0x61 (its stand-in is \"a\")");
  EXPECT_EQ(error_without("/model", "vocab"), "t.json: model: the key \"vocab\" is missing");
  std::string twice = small_file().dump();
  twice.replace(twice.find("\"abab\":257"), 10, "\"ab\":257");
  EXPECT_EQ(error_of([&] { (void)parse_tokenizer_json(twice, "t.json"); }),
            "t.json: model.vocab: the token \"ab\" is listed twice");
}

TEST(TokenizerJson, BadMergesAreErrors) {
  EXPECT_EQ(error_with("/model/merges/0", "a zz"),
            "t.json: model.merges[0]: the token \"zz\" is not in model.vocab");
  EXPECT_EQ(error_with("/model/merges/1", {"a", "c"}),
            "t.json: model.merges[1]: the token \"ac\" is not in model.vocab");
  EXPECT_EQ(error_with("/model/merges/0", "ab"),
            "t.json: model.merges[0]: \"left right\" with one space expected, got \"ab\"");
  EXPECT_EQ(error_with("/model/merges/0", {"a", "b", "c"}),
            "t.json: model.merges[0]: two tokens expected, got 3");
  EXPECT_EQ(error_with("/model/merges/0", {"a", 1}),
            "t.json: model.merges[0][1]: a string expected, got a number");
  EXPECT_EQ(error_with("/model/merges", "a b"),
            "t.json: model.merges: an array expected, got a string");
}

TEST(TokenizerJson, BadAddedTokensAreErrors) {
  EXPECT_EQ(error_with("/added_tokens/0/id", 70000),
            "t.json: added_tokens[0].id: the id 70000 is out of range: 0 to 65794 expected from "
            "the number of tokens");
  EXPECT_EQ(error_with("/added_tokens/0/id", 257),
            "t.json: added_tokens: the id 257 of \"<x>\" belongs to the token \"abab\"");
  EXPECT_EQ(error_with("/added_tokens/0/content", ""),
            "t.json: added_tokens[0]: the content is empty");
  EXPECT_EQ(error_with("/added_tokens/1", {{"id", 301}, {"content", "<x>"}}),
            "t.json: added_tokens: the token \"<x>\" is listed twice");
  EXPECT_EQ(error_without("/added_tokens/0", "content"),
            "t.json: added_tokens[0]: the key \"content\" is missing");
}

}  // namespace
}  // namespace levin::text
