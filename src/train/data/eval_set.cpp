#include "train/data/eval_set.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "train/data/document.h"
#include "train/data/lookup.h"
#include "train/data/random_stream.h"

namespace levin::train::data {
namespace {

using base::ErrorCode;
using nlohmann::ordered_json;

constexpr std::array<std::pair<EvalWording, std::string_view>, 5> kWordings = {{
    {EvalWording::kFirst, "first"},
    {EvalWording::kSecond, "second"},
    {EvalWording::kCarrier, "carrier"},
    {EvalWording::kNewQuestion, "new_question"},
    {EvalWording::kNewAttribute, "new_attribute"},
}};

constexpr int64_t kChatTokens = 4;  // BOS, <｜User｜>, <｜Assistant｜>, </think>
constexpr double kTwoHopRelationShare = 0.4;

Wording wording_of(EvalWording wording) {
  Wording result{.carriers = Split::kHeldOut, .questions = Split::kHeldOut};
  result.second_wording_share = wording == EvalWording::kSecond ? 1 : 0;
  result.carrier_share = wording == EvalWording::kCarrier ? 1 : 0;
  result.question_variety = wording == EvalWording::kNewQuestion ? 1 : 0;
  result.attributes = wording == EvalWording::kNewAttribute ? Split::kHeldOut : Split::kTrain;
  return result;
}

/// What all documents of one length, wording and number of hops share.
struct Cell {
  int64_t length = 0;
  EvalWording wording = EvalWording::kFirst;
  int32_t hops = 1;
};

struct EvalSource {
  const text::Tokenizer& tokenizer;
  const Prose& prose;
  const std::vector<std::string>& words;
  const EvalSpec& spec;
};

int64_t question_tokens(const text::Tokenizer& tokenizer, const Question& question) {
  return static_cast<int64_t>(encode_content(tokenizer, question.text).size());
}

/// One document of a cell with the questions about it.
class EvalDocument {
 public:
  /// `first_question` counts through the cell: it says in which depth bin the facts belong.
  EvalDocument(const EvalSource& source, const Cell& cell, int64_t first_question,
               int64_t max_questions, RandomStream& random)
      : source_(source), cell_(cell), random_(random) {
    const int64_t fitting = (cell.length - kAnswerTokens - kFrameTokens) / (2 * kFactTokens);
    facts_ = draw_facts({.facts = std::clamp<int64_t>(fitting, 1, source.spec.facts),
                         .relation_share = cell.hops == 2 ? kTwoHopRelationShare : 0,
                         .name_reuse_share = 0.3,
                         .wording = wording_of(cell.wording),
                         .names_and_values = Split::kHeldOut},
                        source.words, random);
    draw_questions(max_questions);
    write_body(first_question);
  }

  /// Questions that this document has; none if no two-hop question could be asked or the facts
  /// turned out too long.
  [[nodiscard]] int64_t questions() const noexcept {
    return fits_ ? static_cast<int64_t>(questions_.size()) : 0;
  }

  [[nodiscard]] ordered_json json(const std::string& id) const {
    const int64_t tokens = body_tokens(body_);
    ordered_json list = ordered_json::array();
    for (const Question& question : questions_) {
      list.push_back(question_json(question, tokens));
    }
    return {{"schema", "levin-lookup/1"},  {"id", id},
            {"length", cell_.length},      {"wording", eval_wording_name(cell_.wording)},
            {"hops", cell_.hops},          {"facts", facts_.size()},
            {"document_tokens", tokens},   {"document", body_text(body_)},
            {"questions", std::move(list)}};
  }

 private:
  void draw_questions(int64_t max_questions) {
    std::vector<size_t> order(facts_.size());
    std::iota(order.begin(), order.end(), size_t{0});
    random_.shuffle(order);
    for (const size_t fact_idx : order) {
      if (static_cast<int64_t>(questions_.size()) == max_questions) {
        break;
      }
      if (cell_.hops == 1) {
        questions_.push_back(
            one_hop_question(facts_, fact_idx, wording_of(cell_.wording), random_));
      } else if (!facts_[fact_idx].is_relation) {
        if (const auto relation = find_relation(facts_, fact_idx, random_)) {
          questions_.push_back(
              two_hop_question(facts_, fact_idx, *relation, wording_of(cell_.wording), random_));
        }
      }
    }
  }

  void write_body(int64_t first_question) {
    std::vector<PlacedFact> placed;
    for (size_t fact_idx = 0; fact_idx < facts_.size(); ++fact_idx) {
      placed.push_back({fact_idx, random_.uniform()});
    }
    const auto bins = static_cast<int64_t>(source_.spec.depth_bins);
    int64_t longest = 0;
    for (size_t idx = 0; idx < questions_.size(); ++idx) {
      const int64_t bin = (first_question + static_cast<int64_t>(idx)) % bins;
      double& depth = placed[questions_[idx].fact_idx].depth;
      depth = (static_cast<double>(bin) + depth) / static_cast<double>(bins);
      longest = std::max(longest, question_tokens(source_.tokenizer, questions_[idx]));
    }
    const BodySpec body{.max_tokens = cell_.length - kAnswerTokens - kChatTokens - longest,
                        .has_paragraphs = source_.spec.has_paragraphs,
                        .ends_with_break = true,
                        .facts = &facts_,
                        .placed = std::move(placed)};
    body_ = make_body(source_.tokenizer, source_.prose, source_.prose.draw_place(random_), body);
    fits_ = body_tokens(body_) <= body.max_tokens;
  }

  [[nodiscard]] int64_t position_of(size_t fact_idx) const {
    int64_t position = 0;
    for (const Passage& passage : body_) {
      if (passage.is_fact && passage.fact_idx == fact_idx) {
        break;
      }
      position += static_cast<int64_t>(passage.ids.size());
    }
    return position;
  }

  [[nodiscard]] ordered_json question_json(const Question& question, int64_t tokens) const {
    const auto depth_of = [&](size_t fact_idx) {
      return static_cast<double>(position_of(fact_idx)) / static_cast<double>(tokens);
    };
    const Fact& fact = facts_[question.fact_idx];
    ordered_json entry = {{"question", question.text},
                          {"answer", fact.value},
                          {"response", answer_text(question)},
                          {"fact", fact.sentence},
                          {"depth", depth_of(question.fact_idx)}};
    if (question.relation_idx) {
      entry["relation"] = facts_[*question.relation_idx].sentence;
      entry["relation_depth"] = depth_of(*question.relation_idx);
    }
    entry["prompt_tokens"] = tokens + kChatTokens + question_tokens(source_.tokenizer, question);
    return entry;
  }

  const EvalSource& source_;
  Cell cell_;
  RandomStream& random_;
  std::vector<Fact> facts_;
  std::vector<Question> questions_;
  std::vector<Passage> body_;
  bool fits_ = false;
};

void check_eval_spec(const EvalSpec& spec) {
  const auto check = [](bool is_right, const char* key, const char* wanted) {
    if (!is_right) {
      base::throw_error(ErrorCode::kInvalidArgument, key, "{} expected", wanted);
    }
  };
  check(!spec.lengths.empty(), "lengths", "at least one length");
  check(!spec.wordings.empty(), "wordings", "at least one wording");
  check(!spec.hops.empty(), "hops", "1 or 2");
  check(std::ranges::all_of(spec.hops, [](int32_t hops) { return hops == 1 || hops == 2; }), "hops",
        "1 or 2");
  check(spec.questions >= 1, "questions", "at least 1");
  check(spec.questions_per_document >= 1, "questions_per_document", "at least 1");
  check(spec.facts >= 1, "facts", "at least 1");
  check(spec.depth_bins >= 1, "depth_bins", "at least 1");
}

/// Attempts in a row that may bring no question before a cell is given up.
constexpr int kMaxEmptyDocuments = 1000;

void append_cell(const EvalSource& source, const Cell& cell, std::string& lines) {
  const std::string name =
      fmt::format("{}-{}-{}", cell.length, eval_wording_name(cell.wording), cell.hops);
  int64_t done = 0;
  int empty = 0;
  for (uint64_t document = 0; done < source.spec.questions; ++document) {
    RandomStream random(base::random_bits(source.spec.seed ^ hash_text(name), document));
    const EvalDocument made(
        source, cell, done,
        std::min<int64_t>(source.spec.questions_per_document, source.spec.questions - done),
        random);
    if (made.questions() == 0) {
      if (++empty == kMaxEmptyDocuments) {
        base::throw_error(ErrorCode::kInvalidArgument, "lengths",
                          "{} tokens are too few for a {}-hop question, its facts and an answer",
                          cell.length, cell.hops);
      }
      continue;
    }
    empty = 0;
    lines += made.json(fmt::format("{}-{}", name, document)).dump() + "\n";
    done += made.questions();
  }
}

}  // namespace

std::string_view eval_wording_name(EvalWording wording) noexcept {
  return std::ranges::find(kWordings, wording, &decltype(kWordings)::value_type::first)->second;
}

EvalWording eval_wording_from_name(std::string_view name) {
  const auto found = std::ranges::find(kWordings, name, &decltype(kWordings)::value_type::second);
  if (found == kWordings.end()) {
    base::throw_error(ErrorCode::kInvalidArgument, "wordings",
                      "no wording {}; there are first, second, carrier, new_question and "
                      "new_attribute",
                      base::quote(name));
  }
  return found->first;
}

std::string make_eval_set(const text::Tokenizer& tokenizer, const Corpus& held_out,
                          const std::vector<std::string>& words, const EvalSpec& spec) {
  check_eval_spec(spec);
  const auto book = std::ranges::find(held_out.books, spec.book, &Book::name);
  if (book == held_out.books.end()) {
    base::throw_error(ErrorCode::kInvalidArgument, "book", "the book {} is not among the held-out",
                      spec.book);
  }
  if (words.empty()) {
    throw base::Error(ErrorCode::kInvalidArgument, "no held-out words for values", "words");
  }
  const Prose prose(tokenizer, {{*book}});
  const EvalSource source{tokenizer, prose, words, spec};
  std::string lines;
  for (const int64_t length : spec.lengths) {
    for (const EvalWording wording : spec.wordings) {
      for (const int32_t hops : spec.hops) {
        append_cell(source, {length, wording, hops}, lines);
      }
    }
  }
  return lines;
}

}  // namespace levin::train::data
