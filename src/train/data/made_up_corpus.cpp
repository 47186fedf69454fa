#include "train/data/made_up_corpus.h"

#include <string_view>
#include <utility>

#include "train/data/random_stream.h"

namespace levin::train::data {
namespace {

constexpr std::string_view kWords[] = {
    "the",      "of",      "and",     "house", "garden",   "letter",  "morning", "captain",
    "window",   "winter",  "summer",  "river", "silver",   "kettle",  "answer",  "candle",
    "stranger", "parlour", "was",     "in",    "to",       "with",    "said",    "walked",
    "before",   "under",   "friend",  "paper", "carriage", "evening", "quiet",   "cousin",
    "village",  "bridge",  "orchard", "ribbon"};

std::string make_sentence(RandomStream& random) {
  std::string sentence(random.pick(kWords));
  sentence[0] = static_cast<char>(sentence[0] - 'a' + 'A');
  for (int64_t words = random.between(4, 18); words > 0; --words) {
    sentence += random.chance(0.1) ? ", " : random.chance(0.03) ? " - " : " ";
    sentence +=
        random.chance(0.03) ? std::to_string(random.below(2000)) : std::string(random.pick(kWords));
  }
  sentence += random.pick(std::string_view("..!?;"));
  return random.chance(0.2) ? "\"" + sentence + "\"" : sentence;
}

Book make_book(const std::string& name, uint64_t seed) {
  RandomStream random(seed);
  Book book{name, {}};
  for (int paragraph = 0; paragraph < 60; ++paragraph) {
    std::string text = make_sentence(random);
    for (int64_t sentences = random.below(6); sentences > 0; --sentences) {
      text += " " + make_sentence(random);
    }
    book.paragraphs.push_back(std::move(text));
  }
  return book;
}

}  // namespace

Corpus made_up_corpus() {
  return {{make_book("alpha", 1), make_book("king_james_bible", 2), make_book("persuasion", 3)}};
}

}  // namespace levin::train::data
