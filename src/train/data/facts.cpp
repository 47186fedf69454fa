#include "train/data/facts.h"

#include <algorithm>
#include <set>
#include <utility>

namespace levin::train::data {
namespace {

/// Draws in a row that may bring no new fact, before a new name is taken.
constexpr int kMaxRepeats = 16;

/// Attributes of one document.
struct AttributePool {
  std::vector<std::string_view> numbers;
  std::vector<std::string_view> words;
};

std::vector<std::string_view> some_of(std::span<const std::string_view> all, int64_t count,
                                      RandomStream& random) {
  std::vector<std::string_view> list(all.begin(), all.end());
  random.shuffle(list);
  list.resize(std::min(list.size(), static_cast<size_t>(count)));
  return list;
}

/// The pool grows with the number of facts: about two facts share an attribute in the smallest.
AttributePool draw_pool(int64_t facts, Split split, RandomStream& random) {
  const int64_t most = std::clamp<int64_t>(facts, 1, 12);
  AttributePool pool;
  pool.numbers = some_of(number_attributes(split), random.between(1, most), random);
  pool.words = some_of(word_attributes(split), random.between(1, most), random);
  return pool;
}

std::string decapitalized(std::string text) {
  text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

std::string word_fact(const Fact& fact, const Wording& wording, RandomStream& random) {
  if (random.chance(wording.second_wording_share)) {
    return fact.name + "'s " + fact.attribute + " is " + fact.value + ".";
  }
  std::string plain = "The " + fact.attribute + " of " + fact.name + " is " + fact.value + ".";
  if (random.chance(wording.carrier_share)) {
    return std::string(random.pick(carriers(wording.carriers))) + " " +
           decapitalized(std::move(plain));
  }
  return plain;
}

std::string fill_in(std::string_view pattern, std::string_view attribute, std::string_view name) {
  std::string text;
  for (size_t pos = 0; pos < pattern.size();) {
    const std::string_view slot = pattern.substr(pos, 3);
    if (slot == "{a}" || slot == "{n}") {
      text += slot == "{a}" ? attribute : name;
      pos += 3;
    } else {
      text += pattern[pos++];
    }
  }
  return text;
}

std::string word_question(std::string_view attribute, std::string_view name, const Wording& wording,
                          RandomStream& random) {
  const std::string_view pattern = random.chance(wording.question_variety)
                                       ? random.pick(questions(wording.questions))
                                       : questions(Split::kTrain).front();
  return fill_in(pattern, attribute, name);
}

void append_answer(const Fact& fact, std::vector<AnswerPart>& answer) {
  const std::string space = answer.empty() ? "" : " ";
  answer.push_back(
      {space + "The " + fact.attribute + " of " + fact.name + " is", TokenRole::kAnswer});
  answer.push_back({" " + fact.value, TokenRole::kValue});
  answer.push_back({".", TokenRole::kAnswer});
}

/// The share of numbers among a document's facts: all, none or half of them.
double draw_number_share(double one_kind_share, RandomStream& random) {
  if (random.chance(one_kind_share)) {
    return random.chance(0.5) ? 1 : 0;
  }
  return 0.5;
}

/// A fact over the names so far; nothing if there is no other name for a relation.
std::optional<Fact> try_fact(const FactSpec& spec, const AttributePool& pool, double number_share,
                             const std::vector<std::string>& names,
                             const std::vector<std::string>& words, RandomStream& random) {
  Fact fact;
  fact.is_relation = !names.empty() && random.chance(spec.relation_share);
  fact.name = !names.empty() && random.chance(spec.name_reuse_share)
                  ? random.pick(names)
                  : draw_name(random, spec.names_and_values, words);
  if (fact.is_relation) {
    fact.attribute = random.pick(relations());
    fact.value = random.pick(names);
    return fact.value != fact.name ? std::optional(fact) : std::nullopt;
  }
  if (random.chance(number_share)) {
    fact.attribute = random.pick(pool.numbers);
    fact.value = draw_number(random, spec.names_and_values);
  } else {
    fact.attribute = random.pick(pool.words);
    fact.value = draw_word(random, spec.names_and_values, words);
  }
  return fact;
}

}  // namespace

std::vector<Fact> draw_facts(const FactSpec& spec, const std::vector<std::string>& words,
                             RandomStream& random) {
  const AttributePool pool = draw_pool(spec.facts, spec.wording.attributes, random);
  const double number_share = draw_number_share(spec.one_kind_share, random);
  std::vector<Fact> facts;
  std::vector<std::string> names;  // of facts that are no relation; repeats count
  std::set<std::pair<std::string, std::string>> used;
  FactSpec tried = spec;
  for (int repeats = 0; facts.size() < static_cast<size_t>(spec.facts);) {
    // The names so far may have all attributes.
    tried.name_reuse_share = repeats < kMaxRepeats ? spec.name_reuse_share : 0;
    std::optional<Fact> fact = try_fact(tried, pool, number_share, names, words, random);
    if (!fact || !used.emplace(fact->attribute, fact->name).second) {
      ++repeats;
      continue;
    }
    repeats = 0;
    fact->sentence = word_fact(*fact, spec.wording, random);
    if (!fact->is_relation) {
      names.push_back(fact->name);
    }
    facts.push_back(std::move(*fact));
  }
  return facts;
}

Question one_hop_question(const std::vector<Fact>& facts, size_t fact_idx, const Wording& wording,
                          RandomStream& random) {
  const Fact& fact = facts[fact_idx];
  Question question;
  question.text = word_question(fact.attribute, fact.name, wording, random);
  append_answer(fact, question.answer);
  question.fact_idx = fact_idx;
  return question;
}

Question two_hop_question(const std::vector<Fact>& facts, size_t fact_idx, size_t relation_idx,
                          const Wording& wording, RandomStream& random) {
  const Fact& relation = facts[relation_idx];
  Question question;
  question.text =
      word_question(facts[fact_idx].attribute, "the " + relation.attribute + " of " + relation.name,
                    wording, random);
  append_answer(relation, question.answer);
  append_answer(facts[fact_idx], question.answer);
  question.fact_idx = fact_idx;
  question.relation_idx = relation_idx;
  return question;
}

std::optional<size_t> find_relation(const std::vector<Fact>& facts, size_t fact_idx,
                                    RandomStream& random) {
  std::vector<size_t> leading;
  for (size_t idx = 0; idx < facts.size(); ++idx) {
    if (facts[idx].is_relation && facts[idx].value == facts[fact_idx].name) {
      leading.push_back(idx);
    }
  }
  return leading.empty() ? std::nullopt : std::optional(random.pick(leading));
}

std::string answer_text(const Question& question) {
  std::string text;
  for (const AnswerPart& part : question.answer) {
    text += part.text;
  }
  return text;
}

}  // namespace levin::train::data
