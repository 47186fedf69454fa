#include "small_data.h"

#include <unistd.h>

namespace levin::train::data::test {
namespace {

namespace fs = std::filesystem;

struct FolderOfProcess {
  fs::path path = fs::temp_directory_path() / ("levin_train_data_" + std::to_string(getpid()));
  ~FolderOfProcess() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
};

}  // namespace

const DataSet& small_data() {
  static const DataSet data = [] {
    const std::string folder = fresh_folder("small_data").string();
    (void)build_data_from(small_corpus(), {.recipe = "small", .vocab_size = kSmallVocab}, folder);
    return load_data(folder);
  }();
  return data;
}

const Corpus& small_train_corpus() { return small_data().train; }

const text::Tokenizer& small_tokenizer() { return small_data().tokenizer; }

fs::path fresh_folder(const std::string& name) {
  static const FolderOfProcess folder;
  fs::path path = folder.path / name;
  fs::remove_all(path);
  fs::create_directories(path.parent_path());
  return path;
}

}  // namespace levin::train::data::test
