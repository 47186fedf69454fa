// What constrained decoding costs with the real DeepSeek vocabulary of 128,000 tokens
// (tools/fetch_tokenizer.sh). Bars: a mask under 1 ms on the average of an answer, a schema under
// 50 ms.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "generation/constraint.h"
#include "text/tokenizer.h"

namespace levin::generation {
namespace {

struct Vocabulary {
  text::Tokenizer tokenizer;
  std::shared_ptr<const ConstraintVocabulary> shared;
};

const Vocabulary* vocabulary(benchmark::State& state) {
  const char* set = std::getenv("LEVIN_DEEPSEEK_TOKENIZER");
  const std::string folder =
      set != nullptr ? set : LEVIN_SOURCE_DIR "/build/data/deepseek_tokenizer";
  if (!std::filesystem::exists(folder + "/tokenizer.json")) {
    state.SkipWithError("the real tokenizer.json is not here; run tools/fetch_tokenizer.sh first");
    return nullptr;
  }
  static const Vocabulary loaded = [&] {
    Vocabulary made{text::Tokenizer::load(folder), nullptr};
    made.shared = std::make_shared<const ConstraintVocabulary>(
        made.tokenizer, 129280, std::vector<int32_t>{*made.tokenizer.eos_id()});
    return made;
  }();
  return &loaded;
}

/// An object with `properties` strings, numbers and lists.
std::string record_schema(int properties) {
  std::string members;
  std::string required;
  for (int idx = 0; idx < properties; ++idx) {
    const std::string key = "\"field_" + std::to_string(idx) + "\"";
    members += (idx > 0 ? ", " : "") + key +
               (idx % 3 == 0   ? R"(: {"type": "string"})"
                : idx % 3 == 1 ? R"(: {"type": "number", "minimum": 0, "maximum": 1e6})"
                               : R"(: {"type": "array", "items": {"type": "string"}})");
    required += (idx > 0 ? ", " : "") + key;
  }
  return R"({"type": "object", "properties": {)" + members + R"(}, "required": [)" + required +
         R"(], "additionalProperties": false})";
}

std::string record_answer(int properties) {
  std::string members;
  for (int idx = 0; idx < properties; ++idx) {
    members += (idx > 0 ? ", " : "") + std::string("\"field_") + std::to_string(idx) + "\": " +
               (idx % 3 == 0   ? R"("The quick brown fox jumps over the lazy dog.")"
                : idx % 3 == 1 ? "3141.59"
                               : R"(["one", "two", "a third item"])");
  }
  return "{" + members + "}";
}

OutputShape shape_of(const text::JsonValue& schema) {
  OutputShape shape;
  shape.format = AnswerFormat::kJsonSchema;
  shape.schema = &schema;
  return shape;
}

void build_trie(benchmark::State& state) {
  if (const Vocabulary* loaded = vocabulary(state)) {
    for (auto _ : state) {
      benchmark::DoNotOptimize(TokenTrie(loaded->tokenizer));
    }
  }
}

void compile_schema(benchmark::State& state, const std::string& json) {
  if (const Vocabulary* loaded = vocabulary(state)) {
    const text::JsonValue schema = text::parse_python_json(json, "schema");
    for (auto _ : state) {
      benchmark::DoNotOptimize(output_grammar(loaded->shared->trie, shape_of(schema)));
    }
  }
}

/// All masks of one answer, with a constraint of its own as in a request; time is per token.
void mask_answer(benchmark::State& state, const std::string& json, const std::string& answer) {
  const Vocabulary* loaded = vocabulary(state);
  if (loaded == nullptr) {
    return;
  }
  const text::JsonValue schema = text::parse_python_json(json, "schema");
  const auto grammar =
      std::make_shared<const Grammar>(*output_grammar(loaded->shared->trie, shape_of(schema)));
  const std::vector<int32_t> ids = loaded->tokenizer.encode(answer).ids;
  for (auto _ : state) {
    const Constraint constraint = make_constraint(loaded->shared, grammar);
    std::vector<int32_t> generated;
    for (const int32_t id : ids) {
      benchmark::DoNotOptimize(constraint(generated));
      generated.push_back(id);
    }
    benchmark::DoNotOptimize(constraint(generated));
  }
  const auto tokens = static_cast<double>(ids.size() + 1) * static_cast<double>(state.iterations());
  state.counters["per_token"] =
      benchmark::Counter(tokens, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

/// The first mask inside a string: nearly every token, found by a walk of the whole tree.
void mask_string(benchmark::State& state) {
  const Vocabulary* loaded = vocabulary(state);
  if (loaded == nullptr) {
    return;
  }
  const text::JsonValue schema = text::parse_python_json(R"({"type": "string"})", "schema");
  const auto grammar =
      std::make_shared<const Grammar>(*output_grammar(loaded->shared->trie, shape_of(schema)));
  const std::vector<int32_t> quote = loaded->tokenizer.encode("\"").ids;
  for (auto _ : state) {
    benchmark::DoNotOptimize(make_constraint(loaded->shared, grammar)(quote));
  }
}

BENCHMARK(build_trie)->Name("token_trie")->Unit(benchmark::kMillisecond);
BENCHMARK(mask_string)->Name("mask/string/first")->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(compile_schema, record, record_schema(30))
    ->Name("compile/record:30")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(compile_schema, largest, record_schema(300))
    ->Name("compile/record:300")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(compile_schema, pattern,
                  R"({"type": "string", "pattern": "^([a-z]{1,40}-){20}x$"})")
    ->Name("compile/pattern")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(mask_answer, record, record_schema(12), record_answer(12))
    ->Name("mask/record:12")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(mask_answer, any, R"({"type": "object"})", record_answer(12))
    ->Name("mask/any_object")
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace levin::generation
