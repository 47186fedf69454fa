// What the trainer reads: documents as token ids with a loss weight and a role for every token, and
// rows of exactly T positions packed with whole documents.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace levin::train::data {

/// What a token is part of, so that a trainer can weigh and report losses apart.
enum class TokenRole : uint8_t {
  kMarkup,    ///< BOS, turn markers, EOS
  kText,      ///< prose of a book
  kFact,      ///< a sentence with a fact, placed in the prose
  kQuestion,  ///< a question about a fact
  kAnswer,    ///< the part of an answer that restates the question, and its full stop
  kValue,     ///< the values in an answer, which have to be looked up
  kCopySeed,  ///< copy rows: the segment at its first appearance, which cannot be predicted
  kCopy,      ///< copy rows: the repeats of the segment
};

/// Loss weight of a token by its role, as the thing to be predicted. The EOS behind an answer
/// counts as kAnswer, all other markup as 0; prose is cut off and has no EOS.
struct RoleWeights {
  float text = 1;
  float fact = 1;
  float question = 1;
  float answer = 1;
  float value = 2;
  float copy = 1;
};

/// Everything that shapes the documents of a stage. Shares are probabilities, each drawn on its
/// own; `Generator` refuses what cannot be made (see check_spec).
struct SampleSpec {
  std::string stage;  ///< name of the stage: part of what a sample is a function of

  // Length of one document in tokens, BOS and questions included: every doubling from the shortest
  // up equally often (RandomStream::between_by_octave), the last one too if the longest cuts it
  // short.
  int64_t document_tokens_min = 64;
  int64_t document_tokens_max = 64;

  // Kinds of documents; what is left are look-up documents.
  double text_share = 0;  ///< prose without facts and questions
  double copy_share = 0;  ///< a segment of random tokens, digits or made-up names, repeated

  // Look-up documents.
  int32_t facts_min = 1;
  int32_t facts_max = 2;
  int32_t questions_max = 2;          ///< as many as fit, each about another fact
  double second_wording_share = 0;    ///< facts as "NAME's ATTRIBUTE is VALUE."
  double carrier_share = 0;           ///< facts behind a phrase ("It is known that the ...")
  double question_variety = 0;        ///< questions in another phrase than "What is the A of N?"
  double relation_share = 0;          ///< facts whose value is a name in the document
  double two_hop_share = 0;           ///< of the questions that can be asked over a relation
  double name_reuse_share = 0.3;      ///< facts about a name that has one already
  double one_kind_share = 0;          ///< documents whose values are all numbers or all words
  double plain_share = 0.2;           ///< "Question: ... Answer: ..." without chat markers
  double document_first_share = 0.2;  ///< chat with the document before the first user marker
  double paragraph_share = 0.5;       ///< prose with its paragraph breaks, else run on

  RoleWeights weights;
};

/// One document, an entry a token.
struct Sample {
  std::vector<int32_t> ids;    ///< begins with BOS
  std::vector<float> weights;  ///< loss weight of predicting this token; [0] is 0
  std::vector<TokenRole> roles;

  [[nodiscard]] int64_t tokens() const noexcept { return static_cast<int64_t>(ids.size()); }
};

/// A row of T predictions: at position p the model reads inputs[p] and is to predict targets[p].
/// A document of n tokens takes n - 1 positions: its last token is only ever a target. Documents
/// must not attend across `document_starts`, and their positions count from there.
struct Row {
  std::vector<int32_t> inputs;           ///< [T]
  std::vector<int32_t> targets;          ///< [T]
  std::vector<float> weights;            ///< [T] of the targets
  std::vector<TokenRole> roles;          ///< [T] of the targets
  std::vector<int64_t> document_starts;  ///< ascending, the first is 0
};

}  // namespace levin::train::data
