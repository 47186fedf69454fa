#include "train/data/given_tokenizer.h"

#include <filesystem>

#include "base/files.h"
#include "text/tokenizer.h"
#include "train/data/marks.h"

namespace levin::train::data {

GivenTokenizer load_given_tokenizer(const std::string& model_folder) {
  const text::Tokenizer tokenizer = text::Tokenizer::load(model_folder);
  const auto path_of = [&](const char* file) {
    return (std::filesystem::path(model_folder) / file).string();
  };
  (void)find_marks(tokenizer, path_of("tokenizer.json"));
  GivenTokenizer given;
  given.vocab_size = tokenizer.vocab_size();
  given.files.tokenizer_json =
      base::read_regular_file(path_of("tokenizer.json"), text::kMaxTokenizerBytes);
  if (const std::string path = path_of("tokenizer_config.json"); base::exists(path)) {
    given.files.tokenizer_config_json = base::read_regular_file(path, text::kMaxTokenizerBytes);
  }
  return given;
}

}  // namespace levin::train::data
