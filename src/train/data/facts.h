// Facts and the questions about them, as sentences.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "train/data/lexicon.h"
#include "train/data/random_stream.h"
#include "train/data/sample.h"

namespace levin::train::data {

struct Fact {
  std::string attribute;     ///< "code"
  std::string name;          ///< "Ann"
  std::string value;         ///< "482"
  bool is_relation = false;  ///< the value is a name
  std::string sentence;      ///< "The code of Ann is 482."
};

/// A stretch of an answer.
struct AnswerPart {
  std::string text;  ///< with the space in front of it, but for the first part
  TokenRole role = TokenRole::kAnswer;
};

struct Question {
  std::string text;                    ///< "What is the code of Ann?"
  std::vector<AnswerPart> answer;      ///< together "The code of Ann is 482."
  size_t fact_idx = 0;                 ///< the fact with the value asked for
  std::optional<size_t> relation_idx;  ///< two-hop: the fact that leads to its name
};

/// How facts and questions are worded.
struct Wording {
  double second_wording_share = 0;  ///< "Ann's code is 482."
  double carrier_share = 0;         ///< "It is known that the code of Ann is 482."
  double question_variety = 0;      ///< another question than "What is the code of Ann?"
  Split attributes = Split::kTrain;
  Split carriers = Split::kTrain;
  Split questions = Split::kTrain;
};

/// What a document's facts are. Where most names have several facts and all values are of one kind,
/// numbers or words, nothing but the attribute tells them apart.
struct FactSpec {
  int64_t facts = 1;
  double relation_share = 0;
  double name_reuse_share = 0;
  double one_kind_share = 0;
  Wording wording = {};
  Split names_and_values = Split::kTrain;
};

/// Facts in the order in which they were drawn; no two have the same attribute and name. A document
/// uses a small pool of attributes, so that names and attributes both matter. `words` are the
/// values of word attributes; must not be empty. Relations lead to names that have a fact.
[[nodiscard]] std::vector<Fact> draw_facts(const FactSpec& spec,
                                           const std::vector<std::string>& words,
                                           RandomStream& random);

/// The question about facts[fact_idx].
[[nodiscard]] Question one_hop_question(const std::vector<Fact>& facts, size_t fact_idx,
                                        const Wording& wording, RandomStream& random);

/// "What is the code of the friend of Ann?", over the relation that facts[relation_idx] states.
[[nodiscard]] Question two_hop_question(const std::vector<Fact>& facts, size_t fact_idx,
                                        size_t relation_idx, const Wording& wording,
                                        RandomStream& random);

/// A relation that leads to the name of facts[fact_idx], one of several at random.
[[nodiscard]] std::optional<size_t> find_relation(const std::vector<Fact>& facts, size_t fact_idx,
                                                  RandomStream& random);

/// The whole answer as text.
[[nodiscard]] std::string answer_text(const Question& question);

}  // namespace levin::train::data
