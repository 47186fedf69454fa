// A small made-up corpus and the tokenizer trained on it, shared by the tests of this folder.
#pragma once

#include <filesystem>
#include <string>

#include "text/tokenizer.h"
#include "train/data/build_data.h"
#include "train/data/corpus.h"

namespace levin::train::data::test {

/// Three books of made-up prose, among them the held-out "persuasion": the same at every call.
Corpus small_corpus();

inline constexpr int32_t kSmallVocab = 700;

/// small_corpus() built into a data folder, once.
const DataSet& small_data();

/// Its training part and its tokenizer.
const Corpus& small_train_corpus();
const text::Tokenizer& small_tokenizer();

/// A folder of this test process that is removed at its end; `name` must be unique to the test.
std::filesystem::path fresh_folder(const std::string& name);

}  // namespace levin::train::data::test
