#include "train/data/build_data.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "base/durable.h"
#include "base/error.h"
#include "base/files.h"
#include "text/tokenizer.h"
#include "train/data/facts.h"
#include "train/data/given_tokenizer.h"
#include "train/data/lexicon.h"
#include "train/data/made_up_corpus.h"
#include "train/data/manifest.h"
#include "train/data/sha256.h"
#include "train/data/source_books.h"
#include "train/data/tokenizer_files.h"

namespace levin::train::data {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using nlohmann::ordered_json;

constexpr std::string_view kHeldOutBook = "persuasion";
constexpr std::string_view kSharedBook = "king_james_bible";

/// Facts for the tokenizer to learn from: enough for attributes and phrases to become tokens.
constexpr int64_t kTokenizerDocuments = 4000;
constexpr int64_t kTokenizerFacts = 8;
constexpr uint64_t kTokenizerSeed = 1;

/// Of no other command: what lies there is removed.
constexpr const char* kPartSuffix = ".data-part";

void check_options(const DataOptions& options) {
  if (options.recipe.empty()) {
    throw base::Error(ErrorCode::kInvalidArgument, "the name of the recipe is empty", "recipe");
  }
}

/// Facts, questions and answers in every wording of the training split.
void add_lookup_text(const std::vector<std::string>& words,
                     const std::function<void(std::string_view)>& add) {
  const Wording wording{.second_wording_share = 0.3, .carrier_share = 0.3, .question_variety = 0.5};
  for (int64_t document = 0; document < kTokenizerDocuments; ++document) {
    RandomStream random(base::random_bits(kTokenizerSeed, static_cast<uint64_t>(document)));
    const FactSpec spec{.facts = kTokenizerFacts,
                        .relation_share = 0.2,
                        .name_reuse_share = 0.3,
                        .wording = wording};
    const std::vector<Fact> facts = draw_facts(spec, words, random);
    for (size_t idx = 0; idx < facts.size(); ++idx) {
      const Question question = one_hop_question(facts, idx, wording, random);
      add(" " + facts[idx].sentence);
      add(question.text);
      add(answer_text(question));
    }
  }
  add("Question:\nAnswer:");
}

ordered_json string_list(std::span<const std::string_view> words) {
  ordered_json list = ordered_json::array();
  for (const std::string_view word : words) {
    list.push_back(word);
  }
  return list;
}

std::string held_out_json(const std::vector<std::string>& words) {
  const ordered_json file = {
      {"rule",
       "numbers and made-up names: FNV-1a of the text, through splitmix64's finaliser, "
       "divisible by 8"},
      {"first_names", string_list(first_names(Split::kHeldOut))},
      {"number_attributes", string_list(number_attributes(Split::kHeldOut))},
      {"word_attributes", string_list(word_attributes(Split::kHeldOut))},
      {"carriers", string_list(carriers(Split::kHeldOut))},
      {"questions", string_list(questions(Split::kHeldOut))},
      {"value_words", words}};
  return file.dump(1) + "\n";
}

using OptionalTokenizer = std::optional<GivenTokenizer>;

OptionalTokenizer tokenizer_of(const DataOptions& options) {
  return options.tokenizer.empty() ? OptionalTokenizer()
                                   : OptionalTokenizer(load_given_tokenizer(options.tokenizer));
}

/// Path in the folder to content. Without a given tokenizer one of `vocab_size` ids is trained.
std::map<std::string, std::string> make_files(Corpus corpus, int32_t vocab_size,
                                              const OptionalTokenizer& given) {
  const CorpusSplit split = split_corpus(std::move(corpus), kHeldOutBook, kSharedBook);
  const std::vector<std::string> words = value_words(split.train, Split::kTrain);
  if (words.empty()) {
    throw base::Error(ErrorCode::kInvalidFile,
                      "the corpus is empty: no book to train on has words of 4 to 8 letters",
                      "corpus");
  }
  if (split.held_out.books.empty()) {
    base::throw_error(ErrorCode::kInvalidFile, "corpus",
                      "the book {} is not among the books; evaluation needs it", kHeldOutBook);
  }
  std::map<std::string, std::string> files;
  for (const Book& book : split.train.books) {
    files["train/" + book.name + ".txt"] = book_text(book);
  }
  for (const Book& book : split.held_out.books) {
    files["held_out/" + book.name + ".txt"] = book_text(book);
  }
  TokenizerFiles tokenizer =
      given ? given->files
            : train_tokenizer(
                  split.train, [&](const auto& add) { add_lookup_text(words, add); }, vocab_size);
  files["tokenizer.json"] = std::move(tokenizer.tokenizer_json);
  if (!tokenizer.tokenizer_config_json.empty()) {
    files["tokenizer_config.json"] = std::move(tokenizer.tokenizer_config_json);
  }
  files["held_out.json"] = held_out_json(value_words(split.train, Split::kHeldOut));
  return files;
}

void require_same_manifest(const std::string& sha256, const std::string& wanted,
                           const std::string& recipe, const std::string& where) {
  if (!wanted.empty() && wanted != sha256) {
    base::throw_error(ErrorCode::kInvalidFile, where,
                      "the manifest's checksum is {}, the recipe {} says {}: the generators or the "
                      "books have changed since the recipe was written",
                      sha256, recipe, wanted);
  }
}

/// Throws unless the data in `folder` has the tokenizer that the options ask for.
void require_asked_tokenizer(const Manifest& manifest, const DataOptions& options,
                             const OptionalTokenizer& given, const std::string& folder) {
  const auto is_there = [&](const char* file, const std::string& content) {
    const auto found = manifest.files.find(file);
    return found == manifest.files.end() ? content.empty() : found->second == sha256_hex(content);
  };
  const bool is_asked =
      given ? manifest.has_given_tokenizer &&
                  is_there("tokenizer.json", given->files.tokenizer_json) &&
                  is_there("tokenizer_config.json", given->files.tokenizer_config_json)
            : !manifest.has_given_tokenizer;
  if (!is_asked) {
    base::throw_error(ErrorCode::kInvalidArgument, folder,
                      "the folder holds data with another tokenizer than {}: choose another folder",
                      given ? "that of " + options.tokenizer : "one of its own");
  }
}

/// The result if the data is there already; nothing if the folder is free.
std::optional<BuildResult> find_built(const DataOptions& options, const OptionalTokenizer& given,
                                      const std::string& folder) {
  const std::optional<Manifest> manifest = read_manifest(folder);
  if (!manifest) {
    if (fs::exists(folder) && !fs::is_empty(folder)) {
      throw base::Error(ErrorCode::kInvalidArgument,
                        "the folder holds files but no data.json: choose another folder", folder);
    }
    return std::nullopt;
  }
  const int32_t vocab_size = given ? given->vocab_size : options.vocab_size;
  if (manifest->recipe != options.recipe || manifest->vocab_size != vocab_size) {
    base::throw_error(ErrorCode::kInvalidArgument, folder,
                      "the folder holds the data of recipe {} with {} tokens, not of {} with {}: "
                      "choose another folder",
                      manifest->recipe, manifest->vocab_size, options.recipe, vocab_size);
  }
  require_asked_tokenizer(*manifest, options, given, folder);
  check_files(*manifest, folder);
  BuildResult result{BuildOutcome::kWasThere, manifest_sha256(*manifest)};
  require_same_manifest(result.manifest_sha256, options.manifest_sha256, options.recipe, folder);
  return result;
}

/// Everything goes to a folder beside it first, which is renamed when it is whole.
void write_folder(const std::map<std::string, std::string>& files, const Manifest& manifest,
                  const std::string& folder) {
  const fs::path target(base::without_final_slashes(folder));
  const fs::path part(target.string() + kPartSuffix);
  std::error_code error;
  fs::remove_all(part, error);
  for (const auto& [file, content] : files) {
    base::make_folder((part / file).parent_path().string());
    base::write_file_atomically((part / file).string(), content);
  }
  base::write_file_atomically((part / "data.json").string(), manifest_text(manifest));
  fs::remove(target, error);  // an empty folder may be there
  fs::rename(part, target, error);
  if (error) {
    base::throw_error(ErrorCode::kIo, folder, "cannot rename {} to it: {}", part.string(),
                      error.message());
  }
}

}  // namespace

BuildResult build_data_from(Corpus corpus, const DataOptions& options, const std::string& folder) {
  check_options(options);
  const OptionalTokenizer given = tokenizer_of(options);
  if (const auto built = find_built(options, given, folder)) {
    return *built;
  }
  const auto files = make_files(std::move(corpus), options.vocab_size, given);
  Manifest manifest{
      options.recipe, given ? given->vocab_size : options.vocab_size, given.has_value(), {}};
  for (const auto& [file, content] : files) {
    manifest.files[file] = sha256_hex(content);
  }
  BuildResult result{BuildOutcome::kBuilt, manifest_sha256(manifest)};
  require_same_manifest(result.manifest_sha256, options.manifest_sha256, options.recipe, folder);
  write_folder(files, manifest, folder);
  return result;
}

BuildResult build_data(const DataOptions& options, const std::string& folder) {
  check_options(options);
  if (const auto built = find_built(options, tokenizer_of(options), folder)) {
    return *built;
  }
  if (options.corpus_folder == kMadeUpCorpus) {
    return build_data_from(made_up_corpus(), options, folder);
  }
  Corpus corpus;
  for (const SourceBook& source : source_books()) {
    corpus.books.push_back(load_source_book(source, options.corpus_folder));
  }
  return build_data_from(std::move(corpus), options, folder);
}

DataSet load_data(const std::string& folder) {
  const std::optional<Manifest> manifest = read_manifest(folder);
  if (!manifest) {
    throw base::Error(ErrorCode::kNotFound,
                      "there is no data.json: build the data with levin-train data build", folder);
  }
  check_files(*manifest, folder);
  const fs::path root(folder);
  return {folder,
          manifest->recipe,
          manifest->vocab_size,
          manifest->has_given_tokenizer,
          manifest_sha256(*manifest),
          sha256_hex(base::read_file((root / "tokenizer.json").string(), text::kMaxTokenizerBytes)),
          load_corpus((root / "train").string()),
          load_corpus((root / "held_out").string()),
          text::Tokenizer::load(folder)};
}

void require_manifest(const DataSet& data, const std::string& sha256, const std::string& recipe) {
  require_same_manifest(data.manifest_sha256, sha256, recipe, data.folder);
}

void require_same_tokenizer(const DataSet& data, const std::string& model_folder) {
  const std::string path = (fs::path(model_folder) / "tokenizer.json").string();
  const std::string sha256 = sha256_hex(base::read_file(path, text::kMaxTokenizerBytes));
  if (sha256 != data.tokenizer_sha256) {
    base::throw_error(
        ErrorCode::kInvalidFile, path,
        "this is not the tokenizer of the data (checksum {}, the data's is {}): name the data of "
        "this model's recipe, or build some in another folder with [data] tokenizer = \"{}\"",
        sha256, data.tokenizer_sha256, model_folder);
  }
}

}  // namespace levin::train::data
