#include "train/data/lexicon.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace levin::train::data {
namespace {

using Words = std::span<const std::string_view>;

constexpr uint64_t kHeldOutShare = 8;  // one in so many
constexpr size_t kValueWords = 3000;

constexpr std::string_view kNumberAttributes[] = {
    "code", "number", "password", "price", "age",   "key",   "room", "score",
    "seat", "height", "weight",   "year",  "floor", "grade", "rank", "salary"};
constexpr std::string_view kHeldOutNumberAttributes[] = {"speed", "page", "debt", "prize", "width"};

constexpr std::string_view kWordAttributes[] = {
    "color",  "city", "secret word", "animal", "tool",  "food", "hat",   "game",
    "flower", "job",  "song",        "drink",  "metal", "book", "fruit", "ship",
    "river",  "tree", "street",      "dance",  "fear",  "gift", "hobby", "motto"};
constexpr std::string_view kHeldOutWordAttributes[] = {"country", "bird", "stone",
                                                       "title",   "toy",  "language"};

constexpr std::string_view kRelations[] = {"friend", "boss", "sister", "neighbor", "teacher"};

constexpr std::string_view kFirstNames[] = {
    "Anna",   "Ben",   "Clara", "David", "Emma", "Frank", "Grace", "Henry", "Iris",   "Jack",
    "Kate",   "Leo",   "Maria", "Noah",  "Olga", "Paul",  "Rosa",  "Sam",   "Tom",    "Vera",
    "Walter", "Alice", "Bruno", "Cora",  "Dan",  "Ella",  "Fred",  "Gina",  "Hugo",   "Ivan",
    "Jane",   "Karl",  "Lily",  "Max",   "Nina", "Oscar", "Peter", "Rita",  "Simon",  "Tina",
    "Victor", "Wendy", "Adam",  "Bella", "Carl", "Dora",  "Eric",  "Fay",   "George", "Helen",
    "Ian",    "Julia", "Kevin", "Laura", "Mark", "Nora",  "Owen",  "Pia",   "Ralph",  "Sara",
    "Ted",    "Una",   "Vince", "Willa", "Amos", "Beth",  "Cyrus", "Dinah", "Ezra",   "Flora"};
// None that training can make up of the syllables below: those are in the next list, from which
// neither evaluation nor training (of words) takes names.
constexpr std::string_view kHeldOutFirstNames[] = {
    "Zoe",    "Gideon", "Arthur",  "Bridget", "Daphne", "Edgar",   "Gemma",
    "Harold", "Ingrid", "Kirsten", "Miriam",  "Opal",   "Quentin", "Ruby",
    "Stella", "Tobias", "Ursula",  "Wilma",   "Yusuf"};

constexpr std::string_view kNobodysFirstNames[] = {"Hazel", "Colin", "Felix",
                                                   "Jonas", "Lucas", "Nigel"};

constexpr std::string_view kCarriers[] = {
    "It is known that",   "Remember that",           "As everyone knows,", "They say that",
    "Nobody forgot that", "Here it is written that", "To this day,",       "I was told that"};
constexpr std::string_view kHeldOutCarriers[] = {"Let it be noted that", "It turned out that",
                                                 "By the way,", "According to the register,"};

constexpr std::string_view kQuestions[] = {"What is the {a} of {n}?", "What is {n}'s {a}?",
                                           "Tell me the {a} of {n}.", "Do you know the {a} of {n}?",
                                           "I want to know the {a} of {n}."};
constexpr std::string_view kHeldOutQuestions[] = {
    "Please find the {a} of {n}.", "Which {a} belongs to {n}?", "Look up the {a} of {n}."};

constexpr std::string_view kOnsets[] = {"b",  "c",  "d",  "f",  "g",  "h",  "j", "k", "l",
                                        "m",  "n",  "p",  "r",  "s",  "t",  "v", "w", "z",
                                        "br", "cr", "dr", "gr", "st", "tr", "pl"};
constexpr std::string_view kVowels[] = {"a", "e", "i", "o", "u"};
constexpr std::string_view kEndings[] = {"", "n", "r", "l", "s", "m", "x", "nd", "rk"};
constexpr std::string_view kHeldOutEndings[] = {"th", "lt", "sk", "mp", "ck"};

template <size_t kTrainWords, size_t kHeldOutWords>
Words of_split(Split split, const std::string_view (&train)[kTrainWords],
               const std::string_view (&held_out)[kHeldOutWords]) {
  return split == Split::kTrain ? Words(train) : Words(held_out);
}

std::string capitalized(std::string word) {
  word[0] = static_cast<char>(word[0] - 'a' + 'A');
  return word;
}

bool is_in(Words words, std::string_view text) {
  return std::ranges::find(words, text) != words.end();
}

/// Evaluation makes up names that training never shows: by their hash or their ending.
bool may_be_made_up(const std::string& name, Split split, bool has_new_ending) {
  if (name.size() < 3) {
    return false;
  }
  if (split == Split::kTrain) {
    return !is_held_out(name);
  }
  return (has_new_ending || is_held_out(name)) && !is_in(kFirstNames, name);
}

/// A name that only evaluation may show.
bool is_held_out_name(const std::string& name) {
  return is_held_out(name) || is_in(kHeldOutFirstNames, name) || is_in(kNobodysFirstNames, name) ||
         std::ranges::any_of(kHeldOutEndings,
                             [&](std::string_view ending) { return name.ends_with(ending); });
}

std::map<std::string, int64_t, std::less<>> count_words(const Corpus& corpus) {
  std::map<std::string, int64_t, std::less<>> counts;
  const auto is_letter = [](char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
  };
  const auto is_lower = [](char byte) { return byte >= 'a' && byte <= 'z'; };
  for (const Book& book : corpus.books) {
    for (const std::string& paragraph : book.paragraphs) {
      for (auto begin = paragraph.begin(); begin != paragraph.end();) {
        const auto end = std::find_if_not(begin, paragraph.end(), is_letter);
        const auto letters = end - begin;
        if (letters >= 4 && letters <= 8 && std::all_of(begin, end, is_lower)) {
          ++counts[std::string(begin, end)];
        }
        begin = std::find_if(end, paragraph.end(), is_letter);
      }
    }
  }
  return counts;
}

}  // namespace

bool is_held_out(std::string_view text) noexcept { return hash_text(text) % kHeldOutShare == 0; }

Words number_attributes(Split split) noexcept {
  return of_split(split, kNumberAttributes, kHeldOutNumberAttributes);
}
Words word_attributes(Split split) noexcept {
  return of_split(split, kWordAttributes, kHeldOutWordAttributes);
}
Words relations() noexcept { return kRelations; }
Words first_names(Split split) noexcept { return of_split(split, kFirstNames, kHeldOutFirstNames); }
Words carriers(Split split) noexcept { return of_split(split, kCarriers, kHeldOutCarriers); }
Words questions(Split split) noexcept { return of_split(split, kQuestions, kHeldOutQuestions); }

std::string made_up_name(RandomStream& random, Split split) {
  while (true) {
    std::string name;
    const int64_t syllables = random.chance(1.0 / 3) ? 1 : 2;
    for (int64_t syllable = 0; syllable < syllables; ++syllable) {
      name += random.pick(kOnsets);
      name += random.pick(kVowels);
    }
    const bool has_new_ending = split == Split::kHeldOut && random.chance(0.5);
    name += has_new_ending ? random.pick(kHeldOutEndings) : random.pick(kEndings);
    name = capitalized(std::move(name));
    if (may_be_made_up(name, split, has_new_ending)) {
      return name;
    }
  }
}

std::string blended_word(RandomStream& random, const std::vector<std::string>& words) {
  while (true) {
    const std::string_view first = random.pick(words);
    const std::string_view second = random.pick(words);
    const auto head = static_cast<size_t>(random.between(1, 4));
    const auto tail = static_cast<size_t>(random.between(2, 4));
    std::string word(first.substr(0, head));
    word += second.substr(second.size() - std::min(tail, second.size()));
    if (!is_held_out(word)) {
      return word;
    }
  }
}

std::string draw_name(RandomStream& random, Split split, const std::vector<std::string>& words) {
  if (split == Split::kHeldOut) {
    return random.chance(0.4) ? std::string(random.pick(first_names(split)))
                              : made_up_name(random, split);
  }
  const double kind = random.uniform();
  if (kind < 0.2) {
    return std::string(random.pick(first_names(split)));
  }
  if (kind < 0.7) {
    std::string name = capitalized(kind < 0.45 ? random.pick(words) : blended_word(random, words));
    if (!is_held_out_name(name)) {
      return name;
    }
  }
  return made_up_name(random, split);
}

std::string draw_word(RandomStream& random, Split split, const std::vector<std::string>& words) {
  return split == Split::kTrain && random.chance(0.4) ? blended_word(random, words)
                                                      : random.pick(words);
}

std::string draw_number(RandomStream& random, Split split) {
  while (true) {
    int64_t low = 10;
    for (int64_t more = random.below(4); more > 0; --more) {
      low *= 10;
    }
    std::string number = std::to_string(random.between(low, 10 * low - 1));
    if (is_held_out(number) == (split == Split::kHeldOut)) {
      return number;
    }
  }
}

std::vector<std::string> value_words(const Corpus& corpus, Split split) {
  const auto counts = count_words(corpus);
  std::vector<std::pair<std::string, int64_t>> ranked(counts.begin(), counts.end());
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  ranked.resize(std::min(ranked.size(), kValueWords));
  std::vector<std::string> words;
  for (const auto& [word, count] : ranked) {
    if (is_held_out(word) == (split == Split::kHeldOut)) {
      words.push_back(word);
    }
  }
  std::sort(words.begin(), words.end());
  return words;
}

}  // namespace levin::train::data
