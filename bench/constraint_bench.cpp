// What constrained decoding costs with the real DeepSeek vocabulary of 128,000 tokens
// (tools/fetch_tokenizer.sh). Bars: a mask under 1 ms on the average of an answer, a schema under
// 50 ms.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
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

/// What `entry` makes of 0, 1, ..., with commas between.
std::string listed(int count, const std::function<std::string(int)>& entry) {
  std::string list;
  for (int idx = 0; idx < count; ++idx) {
    list += (idx > 0 ? ", " : "") + entry(idx);
  }
  return list;
}

std::string numbered_key(int idx) { return "\"p" + std::to_string(idx) + "\""; }

/// 2,500 properties of any value, all of them required: 60 KB.
std::string required_schema() {
  return R"({"properties": {)" +
         listed(2500, [](int idx) { return numbered_key(idx) + ": true"; }) +
         R"(}, "required": [)" + listed(2500, numbered_key) + "]}";
}

/// 2,300 properties below a key of 15 KB.
std::string long_key_schema() {
  const std::string key(15'000, 'k');
  return R"({"$ref": "#/$defs/)" + key + R"(", "$defs": {")" + key + R"(": {"properties": {)" +
         listed(2300, [](int idx) { return numbered_key(idx) + ": true"; }) + "}}}}";
}

/// 1,100 references, each looked for among 2,300 keys.
std::string references_schema() {
  return R"({"anyOf": [)" + listed(1100, [](int) { return R"({"$ref": "#/$defs/last"})"; }) +
         R"(], "$defs": {)" + listed(2300, [](int idx) { return numbered_key(idx) + ": 0"; }) +
         R"(, "last": true}})";
}

/// 8,000 schemas that say nothing.
std::string any_of_schema() {
  return R"({"anyOf": [)" + listed(8000, [](int) { return "{}"; }) + "]}";
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

/// One that is refused is timed all the same.
void compile(benchmark::State& state, const std::string& json, bool as_parameters) {
  const Vocabulary* loaded = vocabulary(state);
  if (loaded == nullptr) {
    return;
  }
  const text::JsonValue schema = text::parse_python_json(json, "schema");
  OutputShape shape = shape_of(schema);
  if (as_parameters) {
    shape = {.style = text::ChatStyle::kV32, .tools = {{"f", &schema, true, ""}}};
  }
  for (auto _ : state) {
    try {
      benchmark::DoNotOptimize(output_grammar(loaded->shared->trie, shape));
    } catch (const base::Error&) {
      state.SetLabel("refused");
    }
  }
}

void compile_schema(benchmark::State& state, const std::string& json) {
  compile(state, json, false);
}

/// As the parameters of a strict function in DSML.
void compile_parameters(benchmark::State& state, const std::string& json) {
  compile(state, json, true);
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
BENCHMARK_CAPTURE(compile_schema, subsets, R"({"type": "string", "pattern": "(a|b)*a(a|b){20}"})")
    ->Name("compile/subsets")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(compile_schema, counts,
                  R"x({"type": "string", "pattern": "(((a{100}){100}){100}){100}"})x")
    ->Name("compile/counts")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(compile_schema, length, R"({"type": "string", "maxLength": 20000})")
    ->Name("compile/length:20000")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(compile_schema, required, required_schema())
    ->Name("compile/required:2500")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(compile_parameters, required, required_schema())
    ->Name("compile/parameters/required:2500")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(compile_schema, long_key, long_key_schema())
    ->Name("compile/long_key")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(compile_schema, references, references_schema())
    ->Name("compile/references:1100")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(compile_schema, any_of, any_of_schema())
    ->Name("compile/any_of:8000")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(mask_answer, record, record_schema(12), record_answer(12))
    ->Name("mask/record:12")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(mask_answer, any, R"({"type": "object"})", record_answer(12))
    ->Name("mask/any_object")
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace levin::generation
