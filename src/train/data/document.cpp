#include "train/data/document.h"

#include <algorithm>
#include <utility>

namespace levin::train::data {
namespace {

constexpr std::string_view kBreak = "\n\n";

/// What a blank line behind a sentence may cost beyond the sentence itself.
constexpr int64_t kBreakTokens = 2;

class BodyWriter {
 public:
  BodyWriter(const text::Tokenizer& tokenizer, const Prose& prose, Prose::Place place,
             const BodySpec& spec, int64_t max_tokens)
      : tokenizer_(tokenizer), prose_(prose), place_(place), spec_(spec), room_(max_tokens) {
    for (const PlacedFact& placed : spec.placed) {
      room_ -= fact_tokens(tokenizer, (*spec.facts)[placed.fact_idx]);
    }
  }

  std::vector<Passage> write() {
    std::vector<PlacedFact> placed = spec_.placed;
    std::stable_sort(placed.begin(), placed.end(),
                     [](const PlacedFact& a, const PlacedFact& b) { return a.depth < b.depth; });
    const auto sentences = static_cast<double>(count_sentences());
    size_t next = 0;
    bool is_full = room_ <= kBreakTokens;
    for (int64_t done = 0; !is_full; ++done) {
      while (next < placed.size() &&
             placed[next].depth * (sentences + 1) < static_cast<double>(done + 1)) {
        add_fact(placed[next++].fact_idx);
      }
      is_full = !add_sentence();
    }
    while (next < placed.size()) {
      add_fact(placed[next++].fact_idx);
    }
    return finish();
  }

 private:
  /// A sentence whose ids wait until it is known what follows.
  struct Pending {
    std::string_view text;
    std::span<const int32_t> ids;  // behind a space; empty if not known
    bool breaks_after = false;
    bool is_fact = false;
    size_t fact_idx = 0;
  };

  /// About how many sentences fit.
  [[nodiscard]] int64_t count_sentences() const {
    Prose::Place place = place_;
    int64_t sentences = 0;
    for (int64_t left = room_; left > 0; ++sentences) {
      left -= static_cast<int64_t>(prose_.next(place).ids.size());
    }
    return sentences;
  }

  void add_fact(size_t fact_idx) {
    // A fact joins the paragraph before it; the break moves behind the fact.
    bool breaks_after = false;
    if (!pending_.empty()) {
      std::swap(breaks_after, pending_.back().breaks_after);
    }
    pending_.push_back({(*spec_.facts)[fact_idx].sentence, {}, breaks_after, true, fact_idx});
  }

  /// False if it does not fit as a whole: then a part of it was added, or nothing.
  bool add_sentence() {
    const Prose::Sentence sentence = prose_.next(place_);
    const auto tokens = static_cast<int64_t>(sentence.ids.size());
    const bool breaks_after = spec_.has_paragraphs && sentence.ends_paragraph;
    if (tokens <= room_ - kBreakTokens) {
      room_ -= tokens;  // a break mostly joins the full stop's token
      pending_.push_back({sentence.text, sentence.ids, breaks_after});
      return true;
    }
    const std::string_view part = spec_.ends_with_sentence
                                      ? sentence.text
                                      : fit_words(tokenizer_, sentence.text, room_ - kBreakTokens);
    if (!part.empty()) {
      pending_.push_back({part, {}, false});
    }
    return false;
  }

  [[nodiscard]] std::vector<Passage> finish() {
    std::vector<Passage> body;
    if (!pending_.empty()) {
      pending_.back().breaks_after = spec_.ends_with_break;
    }
    bool is_behind_break = true;  // as the document's beginning is
    for (const Pending& pending : pending_) {
      Passage passage{is_behind_break ? "" : " ", {}, pending.is_fact, pending.fact_idx};
      passage.text.append(pending.text).append(pending.breaks_after ? kBreak : "");
      if (is_behind_break || pending.breaks_after || pending.ids.empty()) {
        passage.ids = encode_content(tokenizer_, passage.text);
      } else {
        passage.ids.assign(pending.ids.begin(), pending.ids.end());
      }
      is_behind_break = pending.breaks_after;
      body.push_back(std::move(passage));
    }
    return body;
  }

  const text::Tokenizer& tokenizer_;
  const Prose& prose_;
  Prose::Place place_;
  const BodySpec& spec_;
  int64_t room_;  // tokens that are left for prose
  std::vector<Pending> pending_;
};

}  // namespace

std::vector<Passage> make_body(const text::Tokenizer& tokenizer, const Prose& prose,
                               Prose::Place place, const BodySpec& spec) {
  // Behind a blank line a sentence may take more tokens than behind a space: make room for that.
  for (int64_t max_tokens = spec.max_tokens;;) {
    std::vector<Passage> body = BodyWriter(tokenizer, prose, place, spec, max_tokens).write();
    const int64_t excess = body_tokens(body) - spec.max_tokens;
    if (excess <= 0 || max_tokens <= 0 || spec.ends_with_sentence) {
      return body;
    }
    max_tokens -= excess;
  }
}

int64_t body_tokens(const std::vector<Passage>& body) noexcept {
  int64_t tokens = 0;
  for (const Passage& passage : body) {
    tokens += static_cast<int64_t>(passage.ids.size());
  }
  return tokens;
}

int64_t fact_tokens(const text::Tokenizer& tokenizer, const Fact& fact) {
  const size_t behind_space = encode_content(tokenizer, " " + fact.sentence).size();
  const size_t behind_break = encode_content(tokenizer, fact.sentence).size();
  return static_cast<int64_t>(std::max(behind_space, behind_break));
}

std::string body_text(const std::vector<Passage>& body) {
  std::string text;
  for (const Passage& passage : body) {
    text += passage.text;
  }
  if (text.ends_with(kBreak)) {
    text.resize(text.size() - kBreak.size());
  }
  return text;
}

}  // namespace levin::train::data
