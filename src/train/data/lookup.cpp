#include "train/data/lookup.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/error.h"

namespace levin::train::data {
namespace {

/// Long names and two-hop answers may not fit into a short document; others will.
constexpr int kMaxAttempts = 1000;

/// Facts and questions of one document, with the tokens that are left.
class Plan {
 public:
  Plan(const LookupSource& source, const SampleSpec& spec, int64_t tokens, RandomStream& random)
      : source_(source), spec_(spec), random_(random), form_(draw_form()) {
    room_ = tokens - form_tokens(form_);
    draw_all_facts(tokens);
    std::vector<size_t> order(facts_.size());
    std::iota(order.begin(), order.end(), size_t{0});
    random_.shuffle(order);
    add_first_question(order);
    for (size_t idx = 1; idx < order.size(); ++idx) {
      if (questions_.size() < static_cast<size_t>(spec_.questions_max)) {
        try_question(order[idx]);
      }
    }
  }

  /// Tokens for prose; negative if not even one question and its facts fit.
  [[nodiscard]] int64_t room() const noexcept { return room_; }

  Sample write() {
    return write_lookup(source_.marks, form_, write_body(), questions_, spec_.weights);
  }

 private:
  Form draw_form() {
    if (random_.chance(spec_.plain_share)) {
      return Form::kPlain;
    }
    return random_.chance(spec_.document_first_share) ? Form::kDocumentFirst : Form::kAsk;
  }

  void draw_all_facts(int64_t tokens) {
    const int64_t fitting = std::max<int64_t>((tokens - kFrameTokens) / kFactTokens, 1);
    const int64_t high = std::clamp<int64_t>(fitting, spec_.facts_min, spec_.facts_max);
    FactSpec facts{.facts = random_.between(spec_.facts_min, high),
                   .relation_share = spec_.relation_share,
                   .name_reuse_share = spec_.name_reuse_share,
                   .one_kind_share = spec_.one_kind_share};
    facts.wording = wording();
    facts_ = draw_facts(facts, source_.words, random_);
    for (const Fact& fact : facts_) {
      fact_tokens_.push_back(fact_tokens(source_.tokenizer, fact));
      room_ -= fact_tokens_.back();
    }
    is_kept_.assign(facts_.size(), true);
  }

  [[nodiscard]] Wording wording() const {
    return {.second_wording_share = spec_.second_wording_share,
            .carrier_share = spec_.carrier_share,
            .question_variety = spec_.question_variety};
  }

  [[nodiscard]] Question draw_question(size_t fact_idx) {
    const bool is_value = !facts_[fact_idx].is_relation;
    if (is_value && random_.chance(spec_.two_hop_share)) {
      if (const auto relation = find_relation(facts_, fact_idx, random_)) {
        return two_hop_question(facts_, fact_idx, *relation, wording(), random_);
      }
    }
    return one_hop_question(facts_, fact_idx, wording(), random_);
  }

  [[nodiscard]] EncodedQuestion encode(const Question& question) const {
    return encode_question(source_.tokenizer, source_.marks, form_, question, questions_.empty());
  }

  /// Gives up facts from the end of `order` until this question fits.
  void add_first_question(std::vector<size_t>& order) {
    const Question question = draw_question(order.front());
    questions_.push_back(encode(question));
    room_ -= questions_.back().tokens();
    while (room_ < 0 && order.size() > 1) {
      const size_t fact_idx = order.back();
      order.pop_back();
      if (fact_idx != question.relation_idx) {
        is_kept_[fact_idx] = false;
        room_ += fact_tokens_[fact_idx];
      }
    }
  }

  void try_question(size_t fact_idx) {
    const Question question = draw_question(fact_idx);
    if (question.relation_idx && !is_kept_[*question.relation_idx]) {
      return;
    }
    EncodedQuestion encoded = encode(question);
    if (encoded.tokens() <= room_) {
      room_ -= encoded.tokens();
      questions_.push_back(std::move(encoded));
    }
  }

  [[nodiscard]] std::vector<Passage> write_body() {
    BodySpec body{.has_paragraphs = random_.chance(spec_.paragraph_share),
                  .ends_with_break = breaks_after_document(form_),
                  .facts = &facts_};
    body.max_tokens = room_;
    for (size_t fact_idx = 0; fact_idx < facts_.size(); ++fact_idx) {
      if (is_kept_[fact_idx]) {
        body.placed.push_back({fact_idx, random_.uniform()});
        body.max_tokens += fact_tokens_[fact_idx];
      }
    }
    return make_body(source_.tokenizer, source_.prose, source_.prose.draw_place(random_), body);
  }

  const LookupSource& source_;
  const SampleSpec& spec_;
  RandomStream& random_;
  Form form_;
  int64_t room_ = 0;  // tokens for prose
  std::vector<Fact> facts_;
  std::vector<int64_t> fact_tokens_;  // [facts]
  std::vector<bool> is_kept_;         // [facts]
  std::vector<EncodedQuestion> questions_;
};

}  // namespace

Sample make_lookup(const LookupSource& source, const SampleSpec& spec, int64_t tokens,
                   RandomStream& random) {
  int64_t missing = 0;
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    Plan plan(source, spec, tokens, random);
    if (plan.room() >= 0) {
      Sample sample = plan.write();
      if (sample.tokens() <= tokens) {
        return sample;
      }
    }
    missing = std::max<int64_t>(-plan.room(), 1);
  }
  base::throw_error(base::ErrorCode::kInvalidArgument, "document_tokens_min",
                    "a document of {} tokens is too short for a fact and its question: {} more are "
                    "needed",
                    tokens, missing);
}

}  // namespace levin::train::data
