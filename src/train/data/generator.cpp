#include "train/data/generator.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/error.h"
#include "train/data/lookup.h"
#include "train/data/marks.h"
#include "train/data/prose.h"
#include "train/data/random_stream.h"
#include "train/data/row_packer.h"

namespace levin::train::data {
namespace {

using base::ErrorCode;

constexpr int64_t kLeastCopyTokens = 16;  // BOS, a segment of 7, its repeat
constexpr int64_t kDocumentsPerRow = int64_t{1} << 20;

void check_share(double share, const char* key) {
  if (!(share >= 0 && share <= 1)) {
    base::throw_error(ErrorCode::kInvalidArgument, key, "a share between 0 and 1 expected, got {}",
                      share);
  }
}

void check_shares(const SampleSpec& spec) {
  check_share(spec.text_share, "text_share");
  check_share(spec.copy_share, "copy_share");
  check_share(spec.text_share + spec.copy_share, "text_share + copy_share");
  check_share(spec.second_wording_share, "second_wording_share");
  check_share(spec.carrier_share, "carrier_share");
  check_share(spec.question_variety, "question_variety");
  check_share(spec.relation_share, "relation_share");
  check_share(spec.two_hop_share, "two_hop_share");
  check_share(spec.name_reuse_share, "name_reuse_share");
  check_share(spec.one_kind_share, "one_kind_share");
  check_share(spec.plain_share, "plain_share");
  check_share(spec.document_first_share, "document_first_share");
  check_share(spec.paragraph_share, "paragraph_share");
}

void check_weights(const RoleWeights& weights) {
  for (const float weight : {weights.text, weights.fact, weights.question, weights.answer,
                             weights.value, weights.copy}) {
    if (!(weight >= 0 && weight <= 1e6F)) {
      base::throw_error(ErrorCode::kInvalidArgument, "weights",
                        "loss weights between 0 and 1000000 expected, got {}", weight);
    }
  }
}

void check_range(int64_t low, int64_t high, int64_t least, const char* key) {
  if (low < least || high < low) {
    base::throw_error(ErrorCode::kInvalidArgument, key, "a range from {} up expected, got {} to {}",
                      least, low, high);
  }
}

}  // namespace

void check_spec(const SampleSpec& spec) {
  check_shares(spec);
  check_weights(spec.weights);
  check_range(spec.document_tokens_min, spec.document_tokens_max, 2, "document_tokens");
  if (spec.copy_share > 0 && spec.document_tokens_min < kLeastCopyTokens) {
    base::throw_error(ErrorCode::kInvalidArgument, "document_tokens_min",
                      "copy rows need at least {} tokens, got {}", kLeastCopyTokens,
                      spec.document_tokens_min);
  }
  if (spec.text_share + spec.copy_share >= 1) {
    return;  // no look-up documents
  }
  check_range(spec.facts_min, spec.facts_max, 1, "facts");
  check_range(1, spec.questions_max, 1, "questions_max");
  const int64_t needed = kFrameTokens + spec.facts_min * kFactTokens;
  if (needed > spec.document_tokens_min) {
    base::throw_error(ErrorCode::kInvalidArgument, "document_tokens_min",
                      "{} facts and a question need about {} tokens, the shortest document has {}: "
                      "lower facts_min or raise document_tokens_min",
                      spec.facts_min, needed, spec.document_tokens_min);
  }
}

struct Generator::Data {
  Data(const text::Tokenizer& the_tokenizer, const Corpus& corpus)
      : tokenizer(the_tokenizer),
        marks(find_marks(the_tokenizer)),
        prose(the_tokenizer, corpus),
        words(value_words(corpus, Split::kTrain)) {
    for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
      if (tokenizer.is_known(id) && !tokenizer.is_added(id)) {
        ordinary_ids.push_back(id);
      }
    }
    if (words.empty()) {
      throw base::Error(ErrorCode::kInvalidFile,
                        "the corpus holds no word of 4 to 8 letters that facts could use",
                        "corpus");
    }
  }

  /// Prose cut to exactly `tokens` tokens, BOS included.
  [[nodiscard]] Sample make_text(const SampleSpec& spec, int64_t tokens,
                                 RandomStream& random) const {
    BodySpec body{.max_tokens = tokens,
                  .has_paragraphs = random.chance(spec.paragraph_share),
                  .ends_with_sentence = true};
    const Prose::Place place = prose.draw_place(random);
    std::vector<Passage> passages = make_body(tokenizer, prose, place, body);
    while (body_tokens(passages) < tokens) {
      body.max_tokens += tokens - body_tokens(passages) + 1;
      passages = make_body(tokenizer, prose, place, body);
    }
    SampleWriter writer(spec.weights);
    writer.add_markup(marks.bos);
    int64_t left = tokens - 1;
    for (Passage& passage : passages) {
      passage.ids.resize(std::min(passage.ids.size(), static_cast<size_t>(left)));
      left -= static_cast<int64_t>(passage.ids.size());
      writer.add(passage.ids, TokenRole::kText);
    }
    return writer.take();
  }

  /// A segment, again and again, to exactly `tokens` tokens.
  [[nodiscard]] Sample make_copies(const SampleSpec& spec, int64_t tokens,
                                   RandomStream& random) const {
    std::vector<int32_t> segment = draw_segment(random);
    segment.resize(std::min(segment.size(), static_cast<size_t>((tokens - 1) / 2)));
    SampleWriter writer(spec.weights);
    writer.add_markup(marks.bos);
    writer.add(segment, TokenRole::kCopySeed);
    for (int64_t left = tokens - 1 - static_cast<int64_t>(segment.size()); left > 0;) {
      segment.resize(std::min(segment.size(), static_cast<size_t>(left)));
      writer.add(segment, TokenRole::kCopy);
      left -= static_cast<int64_t>(segment.size());
    }
    return writer.take();
  }

  /// 8 to 30 random tokens, or numbers or made-up names of about that length.
  [[nodiscard]] std::vector<int32_t> draw_segment(RandomStream& random) const {
    const auto length = static_cast<size_t>(random.between(8, 30));
    const int64_t kind = random.below(4);
    std::vector<int32_t> segment;
    while (segment.size() < length) {
      if (kind < 2) {
        segment.push_back(random.pick(ordinary_ids));
        continue;
      }
      const std::string word =
          kind == 2 ? draw_number(random, Split::kTrain) : made_up_name(random, Split::kTrain);
      const std::vector<int32_t> ids = encode_content(tokenizer, " " + word);
      segment.insert(segment.end(), ids.begin(), ids.end());
    }
    return segment;
  }

  [[nodiscard]] Sample make_document(const SampleSpec& spec, int64_t tokens,
                                     RandomStream& random) const {
    const double kind = random.uniform();
    if (kind < spec.text_share) {
      return make_text(spec, tokens, random);
    }
    if (kind < spec.text_share + spec.copy_share) {
      return make_copies(spec, tokens, random);
    }
    return make_lookup({tokenizer, marks, prose, words}, spec, tokens, random);
  }

  [[nodiscard]] static RandomStream stream_of(const SampleSpec& spec, uint64_t seed,
                                              int64_t index) {
    return RandomStream(
        base::random_bits(seed ^ hash_text(spec.stage), static_cast<uint64_t>(index)));
  }

  const text::Tokenizer& tokenizer;
  Marks marks;
  Prose prose;
  std::vector<std::string> words;
  std::vector<int32_t> ordinary_ids;
};

Generator::Generator(const text::Tokenizer& tokenizer, const Corpus& corpus)
    : data_(std::make_unique<Data>(tokenizer, corpus)) {}
Generator::~Generator() = default;

Sample Generator::make_sample(const SampleSpec& spec, uint64_t seed, int64_t index) const {
  check_spec(spec);
  RandomStream random = Data::stream_of(spec, seed, index);
  const int64_t tokens =
      random.between_by_octave(spec.document_tokens_min, spec.document_tokens_max);
  return data_->make_document(spec, tokens, random);
}

Row Generator::make_row(const SampleSpec& spec, int64_t row_tokens, uint64_t seed,
                        int64_t index) const {
  check_spec(spec);
  if (row_tokens + 1 < spec.document_tokens_min) {
    base::throw_error(ErrorCode::kInvalidArgument, "document_tokens_min",
                      "a document of {} tokens does not fit into a row of {} predictions",
                      spec.document_tokens_min, row_tokens);
  }
  RowPacker packer(row_tokens);
  for (int64_t document = 0; packer.room() > 0; ++document) {
    RandomStream random = Data::stream_of(spec, seed, index * kDocumentsPerRow + document);
    const int64_t most = packer.room() + 1;
    if (most < spec.document_tokens_min) {
      packer.add(data_->make_text(spec, most, random));
      continue;
    }
    const int64_t tokens = random.between_by_octave(spec.document_tokens_min,
                                                    std::min(spec.document_tokens_max, most));
    packer.add(data_->make_document(spec, tokens, random));
  }
  return packer.take();
}

}  // namespace levin::train::data
