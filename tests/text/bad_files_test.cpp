// Every file of data/bad/tokenizer_json and data/bad/chat_messages is refused with its sentence.
#include <gtest/gtest.h>

#include <string>

#include "formats/refusals.h"
#include "test_tokenizers.h"
#include "text/chat_json.h"
#include "text/tokenizer.h"

namespace levin::text {
namespace {

/// Content of a file that lies beside data/text.
std::string bad_content(const std::string& path) {
  return text_data(".." + path.substr(path.find("/bad/")));
}

TEST(BadFiles, BrokenTokenizersAreRefused) {
  levin::testing::expect_refusals("tokenizer_json", [](const std::string& path) {
    (void)Tokenizer::from_json(bad_content(path), path);
  });
}

TEST(BadFiles, BrokenChatMessagesAreRefused) {
  levin::testing::expect_refusals("chat_messages", [](const std::string& path) {
    (void)parse_conversation(bad_content(path), path);
  });
}

}  // namespace
}  // namespace levin::text
