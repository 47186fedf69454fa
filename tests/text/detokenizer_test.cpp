// Streams of tokens: whole characters only, and all together the same text as decode.
#include "text/detokenizer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "base/utf8.h"
#include "test_tokenizers.h"

namespace levin::text {
namespace {

/// The token of one byte: the small tokenizer's vocabulary has them all.
int32_t byte_token(const Tokenizer& tokenizer, char byte) {
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    if (tokenizer.token_bytes(id) == std::string_view(&byte, 1)) {
      return id;
    }
  }
  return -1;
}

std::string streamed(const Tokenizer& tokenizer, const std::vector<int32_t>& ids,
                     bool skip_special = false) {
  Detokenizer detokenizer(tokenizer, skip_special);
  std::string text;
  for (const int32_t id : ids) {
    const std::string delta = detokenizer.push(id);
    EXPECT_TRUE(base::is_valid_utf8(delta));
    text += delta;
  }
  return text + detokenizer.flush();
}

TEST(Detokenizer, EqualsDecodeOnAnyIds) {
  const Tokenizer& tokenizer = mini_tokenizer();
  for (uint64_t seed = 0; seed < 300; ++seed) {
    std::vector<int32_t> ids;
    for (uint64_t idx = 0; idx < 200; ++idx) {
      // Half of them single bytes, which make ill-formed text; some beyond the vocabulary.
      const uint64_t range = idx % 2 == 0 ? 260 : 4200;
      ids.push_back(static_cast<int32_t>(base::random_bits(seed, idx) % range));
    }
    EXPECT_EQ(streamed(tokenizer, ids), tokenizer.decode(ids));
    EXPECT_EQ(streamed(tokenizer, ids, true), tokenizer.decode(ids, true));
  }
}

TEST(Detokenizer, EqualsTheTextOfAnEncoding) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const std::string text = random_text(seed, 200);
    EXPECT_EQ(streamed(mini_tokenizer(), mini_tokenizer().encode(text).ids), text);
  }
}

TEST(Detokenizer, ACharacterComesOutWithItsLastByte) {
  const Tokenizer& tokenizer = mini_tokenizer();
  Detokenizer detokenizer(tokenizer);
  const std::string emoji = "😀";
  for (size_t idx = 0; idx + 1 < emoji.size(); ++idx) {
    EXPECT_EQ(detokenizer.push(byte_token(tokenizer, emoji[idx])), "");
  }
  EXPECT_EQ(detokenizer.push(byte_token(tokenizer, emoji.back())), emoji);
  EXPECT_EQ(detokenizer.flush(), "");
}

TEST(Detokenizer, AnIncompleteTailBecomesAReplacementCharacter) {
  const Tokenizer& tokenizer = mini_tokenizer();
  Detokenizer detokenizer(tokenizer);
  EXPECT_EQ(detokenizer.push(byte_token(tokenizer, '\xF0')), "");
  EXPECT_EQ(detokenizer.push(byte_token(tokenizer, '\x9F')), "");
  EXPECT_EQ(detokenizer.push(byte_token(tokenizer, 'a')),
            "\xEF\xBF\xBD"
            "a");
  EXPECT_EQ(detokenizer.push(byte_token(tokenizer, '\xE4')), "");
  EXPECT_EQ(detokenizer.flush(), "\xEF\xBF\xBD");
  EXPECT_EQ(detokenizer.push(byte_token(tokenizer, 'b')), "b");
}

TEST(Detokenizer, UnknownIdsAreNothing) {
  Detokenizer detokenizer(mini_tokenizer());
  EXPECT_EQ(detokenizer.push(4096), "");
  EXPECT_EQ(detokenizer.push(-1), "");
  EXPECT_EQ(detokenizer.push(1 << 30), "");
  EXPECT_EQ(detokenizer.flush(), "");
}

}  // namespace
}  // namespace levin::text
