#include "train/data/generator.h"

#include <gmock/gmock.h>

#include <set>

#include "base/error.h"
#include "small_data.h"
#include "text/chat_v31.h"
#include "text/prompt.h"

namespace levin::train::data {
namespace {

using ::testing::HasSubstr;

const Generator& generator() {
  static const Generator shared(test::small_tokenizer(), test::small_train_corpus());
  return shared;
}

/// Look-up documents of the tokenizer of these tests, whose names take many tokens.
SampleSpec spec_of(int64_t tokens) {
  SampleSpec spec;
  spec.stage = "test";
  spec.document_tokens_min = tokens;
  spec.document_tokens_max = tokens;
  spec.facts_max = 6;
  spec.questions_max = 3;
  spec.second_wording_share = 0.3;
  spec.carrier_share = 0.2;
  spec.question_variety = 0.3;
  spec.relation_share = 0.3;
  spec.two_hop_share = 0.5;
  return spec;
}

std::string decoded(const std::vector<int32_t>& ids) { return test::small_tokenizer().decode(ids); }

/// The tokens of one role, as text.
std::string text_of(const Sample& sample, TokenRole role) {
  std::vector<int32_t> ids;
  for (size_t idx = 0; idx < sample.ids.size(); ++idx) {
    if (sample.roles[idx] == role) {
      ids.push_back(sample.ids[idx]);
    }
  }
  return decoded(ids);
}

void expect_refused(const SampleSpec& spec, const std::string& key, const std::string& why) {
  try {
    check_spec(spec);
    FAIL() << "no error about " << key;
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ErrorCode::kInvalidArgument);
    EXPECT_EQ(error.where(), key);
    EXPECT_THAT(error.what(), HasSubstr(why));
  }
}

TEST(Generator, ASampleIsAFunctionOfSeedStageAndIndexAlone) {
  const Generator other(test::small_tokenizer(), test::small_train_corpus());
  SampleSpec spec = spec_of(300);
  (void)other.make_sample(spec, 1, 5);
  EXPECT_EQ(generator().make_sample(spec, 1, 9).ids, other.make_sample(spec, 1, 9).ids);
  const std::vector<int32_t> ids = generator().make_sample(spec, 1, 9).ids;
  EXPECT_NE(generator().make_sample(spec, 2, 9).ids, ids);
  EXPECT_NE(generator().make_sample(spec, 1, 8).ids, ids);
  spec.stage = "another";
  EXPECT_NE(generator().make_sample(spec, 1, 9).ids, ids);
}

TEST(Generator, DocumentsAreNearlyAsLongAsAskedAndNeverLonger) {
  for (const int64_t tokens : {150, 400, 3000}) {
    for (int64_t index = 0; index < 40; ++index) {
      const int64_t got = generator().make_sample(spec_of(tokens), 1, index).tokens();
      EXPECT_LE(got, tokens);
      EXPECT_GE(got, tokens - 40);
    }
  }
}

/// The values of the answers, one after the other.
std::vector<std::string> values_of(const Sample& sample) {
  std::vector<std::string> values;
  std::vector<int32_t> ids;
  for (size_t idx = 0; idx < sample.ids.size(); ++idx) {
    if (sample.roles[idx] == TokenRole::kValue) {
      ids.push_back(sample.ids[idx]);
    } else if (!ids.empty()) {
      values.push_back(decoded(ids));
      ids.clear();
    }
  }
  return values;
}

TEST(Generator, TheValuesAnswerTheQuestionsFromTheDocument) {
  for (int64_t index = 0; index < 50; ++index) {
    const Sample sample = generator().make_sample(spec_of(500), 3, index);
    const std::string facts = text_of(sample, TokenRole::kFact);
    const std::vector<std::string> values = values_of(sample);
    ASSERT_FALSE(values.empty());
    for (const std::string& value : values) {
      EXPECT_THAT(facts, HasSubstr("is" + value + "."));
    }
  }
}

/// Ids of the conversation that a chat program would send and receive.
std::vector<int32_t> chat_ids(const std::string& conversation) {
  // The markup of this tokenizer never occurs in the content, so one text is enough.
  return test::small_tokenizer().encode(conversation).ids;
}

TEST(Generator, TheTokensAreExactlyThoseOfTheText) {
  SampleSpec spec = spec_of(400);
  for (const double plain_share : {0.0, 1.0}) {
    for (const double document_first_share : {0.0, 1.0}) {
      for (const double paragraph_share : {0.0, 1.0}) {
        spec.plain_share = plain_share;
        spec.document_first_share = document_first_share;
        spec.paragraph_share = paragraph_share;
        for (int64_t index = 0; index < 20; ++index) {
          const Sample sample = generator().make_sample(spec, 4, index);
          EXPECT_EQ(sample.ids, chat_ids(decoded(sample.ids))) << decoded(sample.ids);
        }
      }
    }
  }
}

TEST(Generator, TheAskFormIsThePromptOfLevinAsk) {
  SampleSpec spec = spec_of(250);
  spec.plain_share = 0;
  spec.document_first_share = 0;
  spec.questions_max = 1;
  for (int64_t index = 0; index < 20; ++index) {
    const Sample sample = generator().make_sample(spec, 5, index);
    const std::string text = decoded(sample.ids);
    const size_t begin = text::markup::kBos.size() + text::markup::kUser.size();
    text::Conversation conversation;  // document, blank line, question: one user message
    conversation.messages.emplace_back();
    conversation.messages[0].content =
        text.substr(begin, text.find(text::markup::kAssistant) - begin);
    const text::Prompt prompt = text::encode_chat_v31(conversation, {}, text::V31Template::kV32Exp);
    const std::vector<int32_t> ids = test::small_tokenizer().encode(prompt.segments()).ids;
    ASSERT_LT(ids.size(), sample.ids.size());
    EXPECT_TRUE(std::equal(ids.begin(), ids.end(), sample.ids.begin()));
    EXPECT_EQ(sample.ids.back(), test::small_tokenizer().eos_id());
    EXPECT_EQ(sample.roles.back(), TokenRole::kAnswer);
  }
}

TEST(Generator, WeightsFollowTheRoles) {
  SampleSpec spec = spec_of(300);
  spec.weights = {.text = 0.5F, .fact = 0.25F, .question = 3, .answer = 4, .value = 8, .copy = 7};
  const Sample sample = generator().make_sample(spec, 6, 0);
  EXPECT_EQ(sample.weights.front(), 0);
  for (size_t idx = 1; idx < sample.ids.size(); ++idx) {
    const float expected[] = {0, 0.5F, 0.25F, 3, 4, 8, 0, 7};
    EXPECT_EQ(sample.weights[idx], expected[static_cast<size_t>(sample.roles[idx])]);
  }
}

TEST(Generator, CopyRowsRepeatASegmentThatHasNoWeight) {
  SampleSpec spec = spec_of(128);
  spec.copy_share = 1;
  for (int64_t index = 0; index < 20; ++index) {
    const Sample sample = generator().make_sample(spec, 7, index);
    ASSERT_EQ(sample.tokens(), 128);
    const auto period = static_cast<size_t>(
        std::count(sample.roles.begin(), sample.roles.end(), TokenRole::kCopySeed));
    EXPECT_GE(period, 8U);
    for (size_t idx = 1; idx < sample.ids.size(); ++idx) {
      EXPECT_EQ(sample.weights[idx] == 0, idx <= period);
      EXPECT_FALSE(test::small_tokenizer().is_added(sample.ids[idx]));
      if (idx > period) {
        EXPECT_EQ(sample.ids[idx], sample.ids[idx - period]);
      }
    }
  }
}

TEST(Generator, ProseIsExactlyAsLongAsAsked) {
  SampleSpec spec = spec_of(64);
  spec.text_share = 1;
  spec.document_tokens_max = 2000;
  std::set<int64_t> lengths;
  for (int64_t index = 0; index < 50; ++index) {
    const Sample sample = generator().make_sample(spec, 8, index);
    lengths.insert(sample.tokens());
    EXPECT_TRUE(std::all_of(sample.roles.begin() + 1, sample.roles.end(),
                            [](TokenRole role) { return role == TokenRole::kText; }));
  }
  EXPECT_GE(*lengths.begin(), 64);
  EXPECT_LE(*lengths.rbegin(), 2000);
  EXPECT_GT(lengths.size(), 40U);
}

TEST(Generator, RowsAreFullAndKnowTheirDocuments) {
  SampleSpec spec = spec_of(150);
  spec.document_tokens_max = 600;
  spec.text_share = 0.2;
  spec.copy_share = 0.2;
  for (int64_t index = 0; index < 30; ++index) {
    const Row row = generator().make_row(spec, 1000, 1, index);
    ASSERT_EQ(row.inputs.size(), 1000U);
    ASSERT_EQ(row.targets.size(), 1000U);
    ASSERT_EQ(row.weights.size(), 1000U);
    ASSERT_EQ(row.roles.size(), 1000U);
    ASSERT_EQ(row.document_starts.front(), 0);
    const std::set<int64_t> starts(row.document_starts.begin(), row.document_starts.end());
    for (int64_t pos = 0; pos < 1000; ++pos) {
      const auto at = static_cast<size_t>(pos);
      EXPECT_EQ(row.inputs[at] == test::small_tokenizer().bos_id(), starts.contains(pos));
      if (pos + 1 < 1000 && !starts.contains(pos + 1)) {
        EXPECT_EQ(row.targets[at], row.inputs[at + 1]);
      }
    }
  }
}

TEST(Generator, RowsOfAnyLengthAreFilled) {
  SampleSpec spec = spec_of(120);
  spec.facts_max = 2;
  for (const int64_t row_tokens : {119, 120, 121, 123, 250, 16384}) {
    EXPECT_EQ(generator().make_row(spec, row_tokens, 2, 0).inputs.size(),
              static_cast<size_t>(row_tokens));
  }
}

TEST(Generator, SpecsThatCannotBeMadeAreRefused) {
  SampleSpec spec = spec_of(300);
  spec.facts_min = 30;
  spec.facts_max = 40;
  expect_refused(spec, "document_tokens_min", "30 facts and a question need about");
  spec = spec_of(300);
  spec.copy_share = 0.6;
  spec.text_share = 0.6;
  expect_refused(spec, "text_share + copy_share", "between 0 and 1");
  spec = spec_of(300);
  spec.two_hop_share = -0.1;
  expect_refused(spec, "two_hop_share", "got -0.1");
  spec = spec_of(300);
  spec.document_tokens_max = 200;
  expect_refused(spec, "document_tokens", "got 300 to 200");
  spec = spec_of(300);
  spec.facts_max = 0;
  expect_refused(spec, "facts", "got 1 to 0");
  spec = spec_of(300);
  spec.weights.value = -1;
  expect_refused(spec, "weights", "got -1");
  EXPECT_THROW((void)generator().make_row(spec_of(300), 100, 1, 0), base::Error);
}

TEST(Generator, AnEmptyCorpusIsRefused) {
  EXPECT_THROW(Generator(test::small_tokenizer(), Corpus{}), base::Error);
}

}  // namespace
}  // namespace levin::train::data
