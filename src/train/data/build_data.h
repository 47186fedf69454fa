// Builds the data folder of a recipe: books, tokenizer, held-out lists and a manifest.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "text/tokenizer.h"
#include "train/data/corpus.h"

namespace levin::train::data {

inline constexpr std::string_view kMadeUpCorpus = "made-up";

struct DataOptions {
  std::string recipe;  ///< name of the recipe; a folder belongs to one recipe
  /// What tools/fetch_corpus.sh filled, or kMadeUpCorpus: made_up_corpus(), which needs no books.
  std::string corpus_folder = {};
  /// Folder of a model whose tokenizer.json and tokenizer_config.json are taken; empty: one is
  /// trained.
  std::string tokenizer = {};
  int32_t vocab_size = 4096;  ///< ids of the one that is trained, marks included
  /// SHA-256 of the manifest that must come out; empty: any.
  std::string manifest_sha256 = {};
};

enum class BuildOutcome { kBuilt, kWasThere };

struct BuildResult {
  BuildOutcome outcome = BuildOutcome::kBuilt;
  std::string manifest_sha256;  ///< for the recipe
};

/// Writes into `folder` (made if need be), the same bytes on every machine:
///   train/<book>.txt, held_out/<book>.txt     one paragraph a line
///   tokenizer.json, tokenizer_config.json     trained on train/ and on look-up documents, or those
///                                             of `tokenizer`
///   held_out.json                             names, values and wordings that only evaluation uses
///   data.json                                 the manifest: recipe, options, SHA-256 of each file
/// If the manifest is there and every file has its checksum, does nothing. Throws
/// Error(kInvalidArgument) if the folder is of another recipe or other options, or holds files and
/// no manifest; Error(kInvalidFile) if a file there was changed, a book has another checksum or the
/// manifest another one than `manifest_sha256`; Error(kNotFound|kIo); what load_given_tokenizer
/// throws.
[[nodiscard]] BuildResult build_data(const DataOptions& options, const std::string& folder);

/// The same from books at hand, for tests: they are cut into training and held-out parts as they
/// are, by split_corpus.
[[nodiscard]] BuildResult build_data_from(Corpus corpus, const DataOptions& options,
                                          const std::string& folder);

/// A data folder that was built.
struct DataSet {
  std::string folder;
  std::string recipe;                ///< the name that it was built under
  int32_t vocab_size = 0;            ///< ids, marks included
  bool has_given_tokenizer = false;  ///< that of a model, see DataOptions
  std::string manifest_sha256;
  std::string tokenizer_sha256;  ///< of tokenizer.json: a checkpoint records it
  Corpus train;
  Corpus held_out;
  text::Tokenizer tokenizer;
};

/// Reads a data folder and checks every checksum. Throws Error(kNotFound) if there is no manifest,
/// Error(kInvalidFile) naming the file that is missing or was changed.
[[nodiscard]] DataSet load_data(const std::string& folder);

/// Throws Error(kInvalidFile) if `sha256` is not empty and not the checksum of the data's manifest.
/// `recipe` names who asks for it.
void require_manifest(const DataSet& data, const std::string& sha256, const std::string& recipe);

/// Throws Error(kInvalidFile) if `model_folder`/tokenizer.json is not the tokenizer of `data`: the
/// ids of a model and of its data must mean the same.
void require_same_tokenizer(const DataSet& data, const std::string& model_folder);

}  // namespace levin::train::data
