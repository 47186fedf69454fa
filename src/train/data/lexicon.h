// The words of the look-up facts: names, attributes, values and phrases, each in a part for
// training and a part held out for evaluation.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "train/data/corpus.h"
#include "train/data/random_stream.h"

namespace levin::train::data {

enum class Split { kTrain, kHeldOut };

/// A made-up name, a number or a word is held out if its hash says so: one in eight.
[[nodiscard]] bool is_held_out(std::string_view text) noexcept;

/// Attributes whose value is a number ("code"), a word ("color") or a name ("friend").
[[nodiscard]] std::span<const std::string_view> number_attributes(Split split) noexcept;
[[nodiscard]] std::span<const std::string_view> word_attributes(Split split) noexcept;
[[nodiscard]] std::span<const std::string_view> relations() noexcept;

[[nodiscard]] std::span<const std::string_view> first_names(Split split) noexcept;

/// What may stand before "the code of Ann is 48." ("It is known that"), and questions with {a} and
/// {n} for attribute and name; the first question is the plain one.
[[nodiscard]] std::span<const std::string_view> carriers(Split split) noexcept;
[[nodiscard]] std::span<const std::string_view> questions(Split split) noexcept;

/// Made of syllables; the held-out ones are held out by their hash or have an ending that training
/// never shows.
[[nodiscard]] std::string made_up_name(RandomStream& random, Split split);

/// The beginning of one of `words` and the end of another ("har" + "der"): spelled with tokens that
/// few names and words have. Never a held-out name or word.
[[nodiscard]] std::string blended_word(RandomStream& random, const std::vector<std::string>& words);

/// 20% a first name, 30% made of syllables, the others one of `words` or a blend of two with a
/// capital, so that names are spelled with all kinds of tokens; held out: 40% a first name, else
/// made of syllables.
[[nodiscard]] std::string draw_name(RandomStream& random, Split split,
                                    const std::vector<std::string>& words);

/// One of `words`, the value_words of the split; in training 40% are blends of two, which nobody
/// can learn by heart.
[[nodiscard]] std::string draw_word(RandomStream& random, Split split,
                                    const std::vector<std::string>& words);

/// Two to five digits, the first of which is not 0.
[[nodiscard]] std::string draw_number(RandomStream& random, Split split);

/// The words that facts use as values: of the 3,000 most frequent words of 4 to 8 lower-case
/// letters in `corpus` (ties: alphabetical) those of the split, alphabetical.
[[nodiscard]] std::vector<std::string> value_words(const Corpus& corpus, Split split);

}  // namespace levin::train::data
