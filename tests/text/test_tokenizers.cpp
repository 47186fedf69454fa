#include "test_tokenizers.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "base/files.h"
#include "base/random.h"
#include "base/utf8.h"

namespace levin::text {
namespace {

constexpr int64_t kMaxFileBytes = int64_t{64} << 20;

void replace_once(std::string& text, const std::string& from, const std::string& to) {
  const size_t pos = text.find(from);
  if (pos != std::string::npos) {
    text.replace(pos, from.size(), to);
  }
}

std::unique_ptr<Tokenizer> load_deepseek(bool is_v31) {
  const std::string path = deepseek_folder() + "/tokenizer.json";
  if (!std::filesystem::exists(path)) {
    return nullptr;
  }
  std::string content = base::read_file(path, kMaxFileBytes);
  if (is_v31) {
    replace_once(content, "<｜place▁holder▁no▁796｜>", "<｜search▁begin｜>");
    replace_once(content, "<｜place▁holder▁no▁797｜>", "<｜search▁end｜>");
    replace_once(content, "<｜place▁holder▁no▁798｜>", "<think>");
    replace_once(content, "<｜place▁holder▁no▁799｜>", "</think>");
  }
  return std::make_unique<Tokenizer>(Tokenizer::from_json(content, path));
}

struct CodePointRange {
  char32_t first;
  char32_t last;
};

constexpr std::array<CodePointRange, 14> kRanges = {{{0x00, 0x1F},
                                                     {0x20, 0x7E},
                                                     {0x20, 0x20},
                                                     {0x61, 0x7A},
                                                     {0x61, 0x66},
                                                     {0x30, 0x39},
                                                     {0x80, 0x24F},
                                                     {0x300, 0x36F},
                                                     {0x2000, 0x206F},
                                                     {0x3000, 0x30FF},
                                                     {0x4E00, 0x9FFF},
                                                     {0xE000, 0xFFFF},
                                                     {0x1F300, 0x1F6FF},
                                                     {0x10000, 0x10FFFF}}};

}  // namespace

std::string deepseek_folder() {
  const char* folder = std::getenv("LEVIN_DEEPSEEK_TOKENIZER");
  return folder != nullptr ? folder : LEVIN_SOURCE_DIR "/build/data/deepseek_tokenizer";
}

const Tokenizer* deepseek_tokenizer(bool is_v31) {
  static const std::unique_ptr<Tokenizer> v3 = load_deepseek(false);
  static const std::unique_ptr<Tokenizer> v31 = load_deepseek(true);
  return is_v31 ? v31.get() : v3.get();
}

const Tokenizer& mini_tokenizer() {
  static const Tokenizer tokenizer =
      Tokenizer::from_json(text_data("mini_tokenizer.json"), "mini_tokenizer.json");
  return tokenizer;
}

std::vector<int32_t> added_ids(const Tokenizer& tokenizer) {
  std::vector<int32_t> ids;
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    if (tokenizer.is_added(id)) {
      ids.push_back(id);
    }
  }
  return ids;
}

std::string text_data(const std::string& name) {
  return base::read_file(LEVIN_TEST_DATA "/text/" + name, kMaxFileBytes);
}

std::string random_text(uint64_t seed, int count) {
  std::string text;
  for (int idx = 0; idx < count; ++idx) {
    const auto counter = static_cast<uint64_t>(idx) * 2;
    const CodePointRange range = kRanges[base::random_bits(seed, counter) % kRanges.size()];
    const uint64_t offset = base::random_bits(seed, counter + 1) % (range.last - range.first + 1);
    base::append_utf8(text, range.first + static_cast<char32_t>(offset));
  }
  return text;
}

}  // namespace levin::text
