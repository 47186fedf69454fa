// Encoding and decoding speed with the real DeepSeek tokenizer (tools/fetch_tokenizer.sh).
// Bars: English >= 5 MB/s on one core; one run of 1 MB of any one kind < 2 s.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/files.h"
#include "text/detokenizer.h"
#include "text/tokenizer.h"

namespace levin::text {
namespace {

constexpr size_t kRunBytes = 1'000'000;
constexpr size_t kEnglishBytes = 50'000'000;
constexpr int64_t kMaxDocumentBytes = int64_t{64} << 20;

const Tokenizer* tokenizer(benchmark::State& state) {
  const char* set = std::getenv("LEVIN_DEEPSEEK_TOKENIZER");
  const std::string folder =
      set != nullptr ? set : LEVIN_SOURCE_DIR "/build/data/deepseek_tokenizer";
  if (!std::filesystem::exists(folder + "/tokenizer.json")) {
    state.SkipWithError("the real tokenizer.json is not here; run tools/fetch_tokenizer.sh first");
    return nullptr;
  }
  static const Tokenizer loaded = Tokenizer::load(folder);
  return &loaded;
}

std::string repeat(std::string_view unit, size_t bytes) {
  std::string text;
  while (text.size() < bytes) {
    text += unit;
  }
  return text;
}

/// The demo's document over and over; empty, with the state told so, if it is not there.
std::string english(benchmark::State& state, size_t bytes) {
  const std::string path = LEVIN_SOURCE_DIR "/models/mini/demo/document.txt";
  if (!std::filesystem::exists(path)) {
    state.SkipWithError("models/mini/demo/document.txt is not here");
    return {};
  }
  return repeat(base::read_file(path, kMaxDocumentBytes), bytes);
}

void encode(benchmark::State& state, const std::string& text) {
  const Tokenizer* loaded = tokenizer(state);
  if (loaded == nullptr) {
    return;
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(loaded->encode(text));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.size()));
}

void encode_english(benchmark::State& state) { encode(state, english(state, kEnglishBytes)); }
void encode_letter_run(benchmark::State& state) { encode(state, repeat("a", kRunBytes)); }
void encode_space_run(benchmark::State& state) { encode(state, repeat(" ", kRunBytes)); }
void encode_cjk_run(benchmark::State& state) { encode(state, repeat("长文深度", kRunBytes)); }

void detokenize_english(benchmark::State& state) {
  const Tokenizer* loaded = tokenizer(state);
  if (loaded == nullptr) {
    return;
  }
  const std::string text = english(state, kRunBytes);
  const Encoding encoding = loaded->encode(text);
  for (auto _ : state) {
    Detokenizer detokenizer(*loaded);
    for (const int32_t id : encoding.ids) {
      benchmark::DoNotOptimize(detokenizer.push(id));
    }
    benchmark::DoNotOptimize(detokenizer.flush());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.size()));
}

BENCHMARK(encode_english)->Name("encode/english/bytes:50000000")->Unit(benchmark::kMillisecond);
BENCHMARK(encode_letter_run)->Name("encode/run:a/bytes:1000000")->Unit(benchmark::kMillisecond);
BENCHMARK(encode_space_run)->Name("encode/run:space/bytes:1000000")->Unit(benchmark::kMillisecond);
BENCHMARK(encode_cjk_run)->Name("encode/run:cjk/bytes:1000000")->Unit(benchmark::kMillisecond);
BENCHMARK(detokenize_english)
    ->Name("detokenize/english/bytes:1000000")
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace levin::text
