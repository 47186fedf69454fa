#include "train/data/tokenizer_files.h"

#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/utf8.h"
#include "text/byte_level.h"
#include "text/pre_tokenizer.h"
#include "text/prompt.h"
#include "train/data/bpe_trainer.h"

namespace levin::train::data {
namespace {

using nlohmann::ordered_json;

struct Mark {
  std::string_view content;
  bool special = false;
};

/// Ids 0, 1, 2. Source: tokenizer.json of DeepSeek-V3.
constexpr std::array<Mark, 3> kFirstMarks = {
    {{text::markup::kBos, true}, {text::markup::kEos, true}, {"<｜▁pad▁｜>", true}}};

/// The last ids, in the order of DeepSeek-V3.1's tokenizer.json.
constexpr std::array<Mark, 19> kLastMarks = {{
    {"<｜search▁begin｜>"},
    {"<｜search▁end｜>"},
    {text::markup::kThinkBegin},
    {text::markup::kThinkEnd},
    {"<｜fim▁hole｜>"},
    {"<｜fim▁begin｜>"},
    {"<｜fim▁end｜>"},
    {text::markup::kUser},
    {text::markup::kAssistant},
    {"<|EOT|>", true},
    {text::markup::kToolCallsBegin},
    {text::markup::kToolCallsEnd},
    {text::markup::kToolCallBegin},
    {text::markup::kToolCallEnd},
    {"<｜tool▁outputs▁begin｜>"},
    {"<｜tool▁outputs▁end｜>"},
    {text::markup::kToolOutputBegin},
    {text::markup::kToolOutputEnd},
    {text::markup::kToolSep},
}};

/// DeepSeek-V3's pre-tokenizer. Source: its tokenizer.json.
const std::array<std::string, 3>& split_patterns() {
  static const std::array<std::string, 3> patterns = {
      R"(\p{N}{1,3})", "[一-龥\u3040-ゟ゠-ヿ]+",
      "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?"
      "[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"};
  return patterns;
}

/// What src/text/chat_v31 renders, for other programs: system texts, user and assistant turns,
/// tool outputs and calls.
constexpr std::string_view kChatTemplate =
    R"({%- if add_generation_prompt is not defined %}{% set add_generation_prompt = false %}{% endif %})"
    R"({%- if thinking is not defined %}{% set thinking = false %}{% endif %})"
    R"({%- set ns = namespace(system='', last='') %})"
    R"({%- for m in messages if m['role'] == 'system' %})"
    R"({%- set ns.system = ns.system + ('\n\n' if not loop.first else '') + m['content'] %})"
    R"({%- endfor %}{{ bos_token }}{{ ns.system }})"
    R"({%- for m in messages if m['role'] != 'system' %})"
    R"({%- if m['role'] == 'user' %}{{ '<｜User｜>' + m['content'] }})"
    R"({%- elif m['role'] == 'tool' %})"
    R"({{ '<｜tool▁output▁begin｜>' + m['content'] + '<｜tool▁output▁end｜>' }})"
    R"({%- elif m['role'] == 'assistant' %})"
    R"({%- if ns.last == 'user' %}{{ '<｜Assistant｜></think>' }}{% endif %})"
    R"({%- set content = m['content'] or '' %})"
    R"({%- if '</think>' in content and ns.last == 'user' and not m['tool_calls'] %})"
    R"({%- set content = content.split('</think>', 1)[1] %}{% endif %}{{ content }})"
    R"({%- if m['tool_calls'] %}{{ '<｜tool▁calls▁begin｜>' }})"
    R"({%- for call in m['tool_calls'] %}{{ '<｜tool▁call▁begin｜>' + call['function']['name'] + )"
    R"('<｜tool▁sep｜>' + call['function']['arguments'] + '<｜tool▁call▁end｜>' }}{% endfor %})"
    R"({{ '<｜tool▁calls▁end｜>' }}{% endif %}{{ eos_token }})"
    R"({%- endif %}{% set ns.last = m['role'] %})"
    R"({%- endfor %})"
    R"({%- if add_generation_prompt and ns.last == 'user' %})"
    R"({{ '<｜Assistant｜>' + ('<think>' if thinking else '</think>') }}{% endif %})";

std::string stand_ins(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes) {
    base::append_utf8(out, text::byte_stand_in(static_cast<uint8_t>(byte)));
  }
  return out;
}

ordered_json byte_level_json() {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", false},
          {"trim_offsets", true},
          {"use_regex", false}};
}

ordered_json pre_tokenizer_json() {
  ordered_json parts = ordered_json::array();
  for (const std::string& pattern : split_patterns()) {
    parts.push_back({{"type", "Split"},
                     {"pattern", {{"Regex", pattern}}},
                     {"behavior", "Isolated"},
                     {"invert", false}});
  }
  parts.push_back(byte_level_json());
  return {{"type", "Sequence"}, {"pretokenizers", std::move(parts)}};
}

ordered_json model_json(const TrainedBpe& bpe, int32_t first_id) {
  ordered_json vocab = ordered_json::object();
  for (size_t idx = 0; idx < kFirstMarks.size(); ++idx) {
    vocab[std::string(kFirstMarks[idx].content)] = idx;
  }
  std::vector<std::string> contents;
  for (const std::string& bytes : bpe.tokens) {
    contents.push_back(stand_ins(bytes));
    vocab[contents.back()] = vocab.size();
  }
  ordered_json merges = ordered_json::array();
  for (const text::Merge& merge : bpe.merges) {
    merges.push_back(contents[static_cast<size_t>(merge.left - first_id)] + " " +
                     contents[static_cast<size_t>(merge.right - first_id)]);
  }
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", nullptr},
          {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr},
          {"fuse_unk", false},
          {"byte_fallback", false},
          {"vocab", std::move(vocab)},
          {"merges", std::move(merges)}};
}

ordered_json added_token_json(const Mark& mark, int32_t id) {
  return {{"id", id},        {"content", mark.content}, {"single_word", false},   {"lstrip", false},
          {"rstrip", false}, {"normalized", true},      {"special", mark.special}};
}

std::string tokenizer_json(const TrainedBpe& bpe, int32_t first_id, int32_t last_marks_id) {
  ordered_json added = ordered_json::array();
  for (size_t idx = 0; idx < kFirstMarks.size(); ++idx) {
    added.push_back(added_token_json(kFirstMarks[idx], static_cast<int32_t>(idx)));
  }
  for (size_t idx = 0; idx < kLastMarks.size(); ++idx) {
    added.push_back(added_token_json(kLastMarks[idx], last_marks_id + static_cast<int32_t>(idx)));
  }
  const ordered_json file = {
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", std::move(added)},
      {"normalizer", {{"type", "Sequence"}, {"normalizers", ordered_json::array()}}},
      {"pre_tokenizer", pre_tokenizer_json()},
      {"post_processor", byte_level_json()},
      {"decoder", byte_level_json()},
      {"model", model_json(bpe, first_id)}};
  return file.dump(1) + "\n";
}

std::string tokenizer_config_json() {
  const ordered_json file = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                             {"bos_token", text::markup::kBos},
                             {"eos_token", text::markup::kEos},
                             {"pad_token", kFirstMarks[2].content},
                             {"add_bos_token", true},
                             {"add_eos_token", false},
                             {"clean_up_tokenization_spaces", false},
                             {"chat_template", kChatTemplate}};
  return file.dump(1) + "\n";
}

}  // namespace

TokenizerFiles train_tokenizer(
    const Corpus& corpus,
    const std::function<void(const std::function<void(std::string_view)>&)>& add_more,
    int32_t vocab_size) {
  const text::PreTokenizer split({split_patterns().begin(), split_patterns().end()},
                                 "pre-tokenizer");
  PieceCounter counter(split);
  for (const Book& book : corpus.books) {
    for (const std::string& paragraph : book.paragraphs) {
      counter.add(paragraph + "\n\n");  // as documents part them
    }
  }
  add_more([&](std::string_view more) { counter.add(more); });

  const auto first_id = static_cast<int32_t>(kFirstMarks.size());
  const auto last_marks_id = vocab_size - static_cast<int32_t>(kLastMarks.size());
  const TrainedBpe bpe = train_bpe(counter.counts(), last_marks_id - first_id, first_id);
  return {tokenizer_json(bpe, first_id, last_marks_id), tokenizer_config_json()};
}

}  // namespace levin::train::data
