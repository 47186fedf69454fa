// The made-up corpus and a tokenizer trained on it, shared by the tests of this folder.
#pragma once

#include <filesystem>
#include <string>

#include "text/tokenizer.h"
#include "train/data/build_data.h"
#include "train/data/corpus.h"
#include "train/data/made_up_corpus.h"

namespace levin::train::data::test {

inline constexpr int32_t kSmallVocab = 700;

inline Corpus small_corpus() { return made_up_corpus(); }

/// small_corpus() built into a data folder, once.
const DataSet& small_data();

/// Its training part and its tokenizer.
const Corpus& small_train_corpus();
const text::Tokenizer& small_tokenizer();

/// A folder of this test process that is removed at its end; `name` must be unique to the test.
std::filesystem::path fresh_folder(const std::string& name);

}  // namespace levin::train::data::test
