// Encoding and decoding: properties that hold for any tokenizer file, shown on the small one.
#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "base/files.h"
#include "base/random.h"
#include "base/utf8.h"
#include "formats/temporary_folder.h"
#include "test_tokenizers.h"

namespace levin::text {
namespace {

std::vector<const Tokenizer*> all_tokenizers() {
  std::vector<const Tokenizer*> tokenizers = {&mini_tokenizer()};
  if (const Tokenizer* deepseek = deepseek_tokenizer(true)) {
    tokenizers.push_back(deepseek);
  }
  return tokenizers;
}

TEST(Tokenizer, DecodingAnEncodingGivesTheTextBack) {
  for (const Tokenizer* tokenizer : all_tokenizers()) {
    for (uint64_t seed = 0; seed < 300; ++seed) {
      const std::string text = random_text(seed, 1 + static_cast<int>(seed));
      EXPECT_EQ(tokenizer->decode(tokenizer->encode(text).ids), text);
    }
  }
}

TEST(Tokenizer, IllFormedInputIsReadAsReplacementCharactersAndCounted) {
  const std::string bad =
      "a\xFF\xE4\xB8"
      "b\xED\xA0\x80";
  const Encoding encoding = mini_tokenizer().encode(bad);
  EXPECT_EQ(encoding.replacements, 5);
  EXPECT_EQ(mini_tokenizer().decode(encoding.ids), base::repair_utf8(bad).text);
  EXPECT_EQ(encoding.ids, mini_tokenizer().encode(base::repair_utf8(bad).text).ids);
  EXPECT_EQ(mini_tokenizer().encode("fine").replacements, 0);
}

TEST(Tokenizer, BosIsAddedOnceAndNeverTwice) {
  const Tokenizer& tokenizer = mini_tokenizer();
  const EncodeOptions add_bos{.add_bos = true};
  const std::vector<int32_t> hello = tokenizer.encode("Hello").ids;
  std::vector<int32_t> expected = hello;
  expected.insert(expected.begin(), 0);
  EXPECT_EQ(tokenizer.encode("Hello", add_bos).ids, expected);
  EXPECT_EQ(tokenizer.encode("<｜begin▁of▁sentence｜>Hello", add_bos).ids, expected);
  EXPECT_EQ(tokenizer.encode("", add_bos).ids, std::vector<int32_t>{0});
}

TEST(Tokenizer, WithMatchingOffNoAddedTokenComesOut) {
  for (const Tokenizer* tokenizer : all_tokenizers()) {
    for (const int32_t added : added_ids(*tokenizer)) {
      const std::string text = "x" + std::string(tokenizer->token_bytes(added)) + " y";
      const auto is_added = [&](int32_t id) { return tokenizer->is_added(id); };
      const std::vector<int32_t> off = tokenizer->encode(text, {.match_added_tokens = false}).ids;
      EXPECT_TRUE(std::none_of(off.begin(), off.end(), is_added)) << text;
      EXPECT_EQ(tokenizer->decode(off), text);
      const std::vector<int32_t> on = tokenizer->encode(text).ids;
      EXPECT_EQ(std::count(on.begin(), on.end(), added), 1) << text;
    }
  }
}

TEST(Tokenizer, SegmentsMatchAddedTokensInMarkupAloneAndMergeAcrossBorders) {
  const Tokenizer& tokenizer = mini_tokenizer();
  const std::vector<PromptSegment> segments = {
      {"<｜User｜>", true}, {"<｜User｜> the", false}, {"re<｜Assistant｜>", true}};
  std::vector<int32_t> expected = {4094};
  const std::vector<int32_t> content =
      tokenizer.encode("<｜User｜> there", {.match_added_tokens = false}).ids;
  expected.insert(expected.end(), content.begin(), content.end());
  expected.push_back(4095);
  EXPECT_EQ(tokenizer.encode(segments).ids, expected);
  const std::vector<PromptSegment> split_mark = {{"<｜Us", false}, {"er｜>", true}};
  EXPECT_EQ(tokenizer.encode(split_mark).ids,
            tokenizer.encode("<｜User｜>", {.match_added_tokens = false}).ids);
}

TEST(Tokenizer, SpecialTokensCanBeSkippedAndUnknownIdsAreNothing) {
  const Tokenizer& tokenizer = mini_tokenizer();
  const std::vector<int32_t> ids = {0, 4094, 67, 4096, -1, 1};
  EXPECT_EQ(tokenizer.decode(ids), "<｜begin▁of▁sentence｜><｜User｜>a<｜end▁of▁sentence｜>");
  EXPECT_EQ(tokenizer.decode(ids, true), "<｜User｜>a");
  EXPECT_FALSE(tokenizer.is_known(4096));
  EXPECT_FALSE(tokenizer.is_known(-1));
  EXPECT_EQ(tokenizer.vocab_size(), 4096);
}

TEST(Tokenizer, LongRunsEncodeAndDecode) {
  for (const Tokenizer* tokenizer : all_tokenizers()) {
    for (const char* unit : {"a", " ", "\n", "深", "!", "7", "<｜", "\xCC\x81"}) {
      std::string run;
      while (run.size() < 300'000) {
        run += unit;
      }
      EXPECT_EQ(tokenizer->decode(tokenizer->encode(run).ids), run) << unit;
    }
  }
}

TEST(Tokenizer, AMegabyteOfOneRunComesBackExactly) {
  constexpr size_t kBytes = 1'000'000;
  for (const Tokenizer* tokenizer : all_tokenizers()) {
    for (const char* unit : {"a", " ", "深夜读书"}) {
      std::string run;
      while (run.size() < kBytes) {
        run += unit;
      }
      EXPECT_TRUE(tokenizer->decode(tokenizer->encode(run).ids) == run) << unit;
    }
  }
}

TEST(Tokenizer, AWatcherMayEndALongText) {
  const Tokenizer& tokenizer = mini_tokenizer();
  struct Enough {};
  const auto stops_at = [&](const std::string& text, int64_t limit) {
    int64_t seen = 0;
    try {
      (void)tokenizer.encode(text, {.watch = [&](int64_t tokens) {
                               EXPECT_GE(tokens, seen);
                               seen = tokens;
                               if (tokens > limit) {
                                 throw Enough();
                               }
                             }});
    } catch (const Enough&) {
      return seen;
    }
    return int64_t{-1};
  };
  std::string words;
  for (int i = 0; i < 100'000; ++i) {
    words += " word" + std::to_string(i % 7);
  }
  const auto all = static_cast<int64_t>(tokenizer.encode(words).ids.size());
  EXPECT_EQ(stops_at(words, all), -1) << "never more tokens than there are";
  const int64_t stopped = stops_at(words, 1000);
  EXPECT_GT(stopped, 1000);
  EXPECT_LT(stopped, all / 4);
  // One piece without an end is judged by its bytes.
  EXPECT_GT(stops_at(std::string(size_t{4} << 20, 'a'), 10), 10);
}

TEST(Tokenizer, ThreadsMayShareIt) {
  const std::string text = random_text(7, 5000);
  const std::vector<int32_t> expected = mini_tokenizer().encode(text).ids;
  std::vector<std::vector<int32_t>> results(4);
  {
    std::vector<std::jthread> threads;
    for (std::vector<int32_t>& result : results) {
      threads.emplace_back([&result, &text] { result = mini_tokenizer().encode(text).ids; });
    }
  }
  for (const std::vector<int32_t>& result : results) {
    EXPECT_EQ(result, expected);
  }
}

/// A model folder with the small tokenizer, removed with the object.
class ModelFolder : public levin::testing::TemporaryFolder {
 public:
  ModelFolder() { write("tokenizer.json", text_data("mini_tokenizer.json")); }
  void write(const std::string& name, const std::string& content) const {
    base::write_file_atomically(file(name), content);
  }
};

TEST(Tokenizer, TokenizerJsonAloneIsEnough) {
  const ModelFolder folder;
  const Tokenizer tokenizer = Tokenizer::load(folder.path());
  EXPECT_EQ(tokenizer.bos_id(), 0);
  EXPECT_EQ(tokenizer.eos_id(), 1);
}

TEST(Tokenizer, BosAndEosComeFromTokenizerConfigBeforeConfig) {
  const ModelFolder folder;
  folder.write("config.json", R"({"bos_token_id": 2, "eos_token_id": [4094, 1]})");
  EXPECT_EQ(Tokenizer::load(folder.path()).bos_id(), 2);
  EXPECT_EQ(Tokenizer::load(folder.path()).eos_id(), 4094);
  folder.write("tokenizer_config.json",
               R"({"bos_token": "<｜User｜>", "eos_token": {"content": "<｜Assistant｜>"}})");
  EXPECT_EQ(Tokenizer::load(folder.path()).bos_id(), 4094);
  EXPECT_EQ(Tokenizer::load(folder.path()).eos_id(), 4095);
}

TEST(Tokenizer, BrokenCompanionFilesAreNamed) {
  const ModelFolder folder;
  const auto error = [&] { return error_of([&] { (void)Tokenizer::load(folder.path()); }); };
  folder.write("config.json", R"({"bos_token_id": 5000})");
  EXPECT_EQ(error(),
            folder.path() + "/config.json: bos_token_id: the id 5000 is not in tokenizer.json");
  folder.write("config.json", "{");
  EXPECT_TRUE(error().starts_with(folder.path() + "/config.json: the file is not valid JSON"));
  folder.write("config.json", "{}");
  folder.write("tokenizer_config.json", R"({"bos_token": "<s>"})");
  EXPECT_EQ(error(), folder.path() +
                         "/tokenizer_config.json: bos_token: \"<s>\" is no added token "
                         "of tokenizer.json");
}

TEST(Tokenizer, AMissingFolderIsNamed) {
  EXPECT_EQ(error_of([] { (void)Tokenizer::load("/nowhere"); }),
            "/nowhere/tokenizer.json: cannot open: No such file or directory");
}

}  // namespace
}  // namespace levin::text
