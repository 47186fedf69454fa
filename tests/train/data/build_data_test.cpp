#include "train/data/build_data.h"

#include <gtest/gtest.h>

#include "base/expect_error.h"
#include "base/files.h"
#include "small_data.h"
#include "text/chat_style.h"

namespace levin::train::data {
namespace {

namespace fs = std::filesystem;
using levin::testing::expect_error;

DataOptions options_of(const std::string& recipe) {
  return {.recipe = recipe,
          .corpus_folder = {},
          .vocab_size = test::kSmallVocab,
          .manifest_sha256 = {}};
}

BuildResult build(const fs::path& folder, const DataOptions& options) {
  return build_data_from(test::small_corpus(), options, folder.string());
}

TEST(BuildData, WritesTheSameFolderAgainAndAgain) {
  const fs::path first = test::fresh_folder("build_first");
  const fs::path second = test::fresh_folder("build_second");
  const BuildResult result = build(first, options_of("tiny"));
  EXPECT_EQ(result.outcome, BuildOutcome::kBuilt);
  EXPECT_EQ(build(second, options_of("tiny")).manifest_sha256, result.manifest_sha256);
  for (const char* file : {"data.json", "held_out.json", "tokenizer.json", "tokenizer_config.json",
                           "train/alpha.txt", "held_out/persuasion.txt"}) {
    EXPECT_EQ(base::read_file((first / file).string(), 1 << 24),
              base::read_file((second / file).string(), 1 << 24));
  }
  EXPECT_FALSE(fs::exists(first / "train/persuasion.txt"));
}

TEST(BuildData, DoesNothingIfItIsThere) {
  const fs::path folder = test::fresh_folder("build_again");
  const BuildResult result = build(folder, options_of("tiny"));
  const auto time = fs::last_write_time(folder / "tokenizer.json");
  DataOptions options = options_of("tiny");
  options.manifest_sha256 = result.manifest_sha256;
  EXPECT_EQ(build(folder, options).outcome, BuildOutcome::kWasThere);
  EXPECT_EQ(fs::last_write_time(folder / "tokenizer.json"), time);
}

TEST(BuildData, AMadeUpCorpusNeedsNoBooks) {
  DataOptions options = options_of("tiny");
  options.corpus_folder = kMadeUpCorpus;
  const BuildResult result = build_data(options, test::fresh_folder("build_made_up").string());
  EXPECT_EQ(result.manifest_sha256,
            build(test::fresh_folder("build_at_hand"), options_of("tiny")).manifest_sha256);
}

TEST(BuildData, LoadsWhatItWrote) {
  const fs::path folder = test::fresh_folder("build_load");
  const BuildResult result = build(folder, options_of("tiny"));
  const DataSet data = load_data(folder.string());
  EXPECT_EQ(data.recipe, "tiny");
  EXPECT_EQ(data.manifest_sha256, result.manifest_sha256);
  EXPECT_EQ(data.train.books.size(), 2U);
  EXPECT_EQ(data.held_out.books[1].name, "persuasion");
  EXPECT_EQ(data.tokenizer.vocab_size(), test::kSmallVocab);
  EXPECT_EQ(text::choose_chat_style(folder.string(), data.tokenizer), text::ChatStyle::kV31);
  require_same_tokenizer(data, folder.string());
}

TEST(BuildData, RefusesTheFolderOfAnotherRecipe) {
  const fs::path folder = test::fresh_folder("build_other");
  (void)build(folder, options_of("tiny"));
  expect_error([&] { (void)build(folder, options_of("mini")); }, base::ErrorCode::kInvalidArgument,
               "holds the data of recipe tiny");
  DataOptions options = options_of("tiny");
  options.vocab_size = 800;
  expect_error([&] { (void)build(folder, options); }, base::ErrorCode::kInvalidArgument,
               "with 700 tokens, not of tiny with 800");
}

TEST(BuildData, RefusesAFolderOfOtherFiles) {
  const fs::path folder = test::fresh_folder("build_strange");
  fs::create_directories(folder);
  base::write_file_atomically((folder / "letter.txt").string(), "Dear Ann");
  expect_error([&] { (void)build(folder, options_of("tiny")); }, base::ErrorCode::kInvalidArgument,
               "holds files but no data.json");
}

TEST(BuildData, SaysThatAPlaceCannotBeWrittenTo) {
  const fs::path file = test::fresh_folder("build_file");
  base::write_file_atomically(file.string(), "a file, no folder");
  expect_error([&] { (void)build(file / "data", options_of("tiny")); }, base::ErrorCode::kIo,
               "cannot make this folder");
}

TEST(BuildData, LeavesTheFoldersOfOthersAlone) {
  const fs::path folder = test::fresh_folder("build_beside");
  const fs::path part = test::fresh_folder("build_beside.part");
  fs::create_directories(part);
  base::write_file_atomically((part / "letter.txt").string(), "Dear Ann");
  (void)build(folder, options_of("tiny"));
  EXPECT_EQ(base::read_file((part / "letter.txt").string(), 1 << 10), "Dear Ann");
}

TEST(BuildData, SaysWhichFileWasChanged) {
  const fs::path folder = test::fresh_folder("build_changed");
  (void)build(folder, options_of("tiny"));
  base::write_file_atomically((folder / "train/alpha.txt").string(), "Other words.\n");
  expect_error([&] { (void)load_data(folder.string()); }, base::ErrorCode::kInvalidFile,
               "alpha.txt: the checksum is");
  fs::remove(folder / "train/alpha.txt");
  expect_error([&] { (void)build(folder, options_of("tiny")); }, base::ErrorCode::kInvalidFile,
               "alpha.txt: the file is missing");
}

TEST(BuildData, RefusesAnotherManifestThanTheRecipeNamesAndWritesNothing) {
  const fs::path folder = test::fresh_folder("build_manifest");
  DataOptions options = options_of("tiny");
  options.manifest_sha256 = "0123";
  expect_error([&] { (void)build(folder, options); }, base::ErrorCode::kInvalidFile,
               "the recipe tiny says 0123");
  EXPECT_FALSE(fs::exists(folder));
}

TEST(BuildData, RefusesAnEmptyCorpus) {
  expect_error(
      [&] {
        (void)build_data_from({}, options_of("tiny"), test::fresh_folder("build_empty").string());
      },
      base::ErrorCode::kInvalidFile, "the corpus is empty");
}

TEST(BuildData, RefusesAModelWithAnotherTokenizer) {
  const fs::path folder = test::fresh_folder("build_tokenizer");
  (void)build(folder, options_of("tiny"));
  const fs::path model = test::fresh_folder("model_tokenizer");
  DataOptions options = options_of("tiny");
  options.vocab_size = 600;
  (void)build(model, options);
  const DataSet data = load_data(folder.string());
  expect_error([&] { require_same_tokenizer(data, model.string()); }, base::ErrorCode::kInvalidFile,
               "this is not the tokenizer of the data");
}

TEST(BuildData, TakesTheTokenizerOfAModel) {
  const fs::path model = test::fresh_folder("build_given_model");
  DataOptions of_model = options_of("model");
  of_model.vocab_size = 600;
  (void)build(model, of_model);
  const fs::path folder = test::fresh_folder("build_given");
  DataOptions options = options_of("tiny");
  options.tokenizer = model.string();
  const BuildResult result = build(folder, options);
  for (const char* file : {"tokenizer.json", "tokenizer_config.json"}) {
    EXPECT_EQ(base::read_file((folder / file).string(), 1 << 24),
              base::read_file((model / file).string(), 1 << 24));
  }
  const DataSet data = load_data(folder.string());
  EXPECT_EQ(data.vocab_size, 600) << "that of the tokenizer, whatever the options say";
  EXPECT_TRUE(data.has_given_tokenizer);
  require_same_tokenizer(data, model.string());
  const BuildResult again = build(folder, options);
  EXPECT_EQ(again.outcome, BuildOutcome::kWasThere);
  EXPECT_EQ(again.manifest_sha256, result.manifest_sha256);
}

TEST(BuildData, RefusesTheFolderOfAnotherTokenizer) {
  const fs::path trained = test::fresh_folder("build_trained");
  (void)build(trained, options_of("tiny"));
  DataOptions options = options_of("tiny");
  options.tokenizer = trained.string();
  expect_error([&] { (void)build(trained, options); }, base::ErrorCode::kInvalidArgument,
               "another tokenizer than that of " + trained.string());

  const fs::path given = test::fresh_folder("build_given_other");
  (void)build(given, options);
  expect_error([&] { (void)build(given, options_of("tiny")); }, base::ErrorCode::kInvalidArgument,
               "another tokenizer than one of its own");
  const std::string config = (trained / "tokenizer_config.json").string();
  base::write_file_atomically(config, base::read_file(config, 1 << 24) + " ");
  expect_error([&] { (void)build(given, options); }, base::ErrorCode::kInvalidArgument,
               "another tokenizer than that of " + trained.string());
}

TEST(BuildData, RefusesATokenizerWithoutTheMarksOfTheChatFormat) {
  const fs::path model = test::fresh_folder("build_no_marks");
  (void)build(model, options_of("tiny"));
  const std::string path = (model / "tokenizer.json").string();
  std::string json = base::read_file(path, 1 << 24);
  const std::string mark = "<｜Assistant｜>";
  ASSERT_NE(json.find(mark), std::string::npos);
  json.replace(json.find(mark), mark.size(), "<|assistant|>");
  base::write_file_atomically(path, json);
  const fs::path folder = test::fresh_folder("build_given_no_marks");
  DataOptions options = options_of("tiny");
  options.tokenizer = model.string();
  expect_error([&] { (void)build(folder, options); }, base::ErrorCode::kInvalidFile,
               path + ": the added token " + mark + " is not there");
  EXPECT_FALSE(fs::exists(folder));
}

TEST(BuildData, AFolderWithoutAManifestIsNoDataSet) {
  expect_error([&] { (void)load_data(test::fresh_folder("build_none").string()); },
               base::ErrorCode::kNotFound, "levin-train data build");
}

}  // namespace
}  // namespace levin::train::data
