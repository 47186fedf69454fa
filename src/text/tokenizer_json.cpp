#include "text/tokenizer_json.h"

#include <simdjson.h>

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"
#include "text/byte_level.h"
#include "text/json_reader.h"

namespace levin::text {
namespace {

using base::ErrorCode;

// Ids may leave gaps; more than this in all would let a small file claim a huge table.
constexpr int64_t kMaxIdGaps = 65536;
constexpr size_t kMaxSplitPatterns = 32;

// What ByteLevel applies by itself when use_regex is true (GPT-2).
constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

using VocabIndex = std::unordered_map<std::string_view, int32_t>;

std::string_view type_of(const JsonReader& component) { return component.at("type").string(); }

/// The components of `component`: itself, or those under `list_key` if it is a Sequence.
std::vector<JsonReader> flatten(const JsonReader& component, std::string_view list_key) {
  if (type_of(component) != "Sequence") {
    return {component};
  }
  const JsonReader list = component.at(list_key);
  std::vector<JsonReader> parts;
  for (const simdjson::dom::element part : list.array()) {
    parts.push_back(list.element(part, parts.size()));
  }
  return parts;
}

void check_normalizer(const JsonReader& root) {
  if (!root.has("normalizer")) {
    return;
  }
  for (const JsonReader& part : flatten(root.at("normalizer"), "normalizers")) {
    part.fail(ErrorCode::kUnsupported,
              "the normalizer {} is not supported: only a tokenizer that takes text as it is",
              base::shown(type_of(part)));
  }
}

/// Rules about lengths would cut a prompt, or fill it up.
void check_length_rules(const JsonReader& root) {
  for (const char* key : {"truncation", "padding"}) {
    if (root.has(key)) {
      root.at(key).fail(ErrorCode::kUnsupported,
                        "null expected: only a tokenizer that takes text as it is is supported");
    }
  }
}

/// `key` may be absent or a (Sequence of) ByteLevel: the one kind that adds no tokens.
void check_byte_level(const JsonReader& root, std::string_view key, std::string_view list_key) {
  if (!root.has(key)) {
    return;
  }
  for (const JsonReader& part : flatten(root.at(key), list_key)) {
    if (type_of(part) != "ByteLevel") {
      part.fail(ErrorCode::kUnsupported, "the type {} is not supported, only ByteLevel",
                base::shown(type_of(part)));
    }
  }
}

std::string split_pattern(const JsonReader& split) {
  const JsonReader pattern = split.at("pattern");
  if (!pattern.has("Regex")) {
    pattern.fail(ErrorCode::kUnsupported, "only a pattern of kind Regex is supported");
  }
  if (split.at("behavior").string() != "Isolated" || split.boolean_or("invert", false)) {
    split.fail(ErrorCode::kUnsupported, "only behavior Isolated without invert is supported");
  }
  return std::string(pattern.at("Regex").string());
}

std::vector<std::string> read_split_patterns(const JsonReader& root) {
  std::vector<std::string> patterns;
  bool has_byte_level = false;
  const JsonReader pre_tokenizer = root.at("pre_tokenizer");
  for (const JsonReader& part : flatten(pre_tokenizer, "pretokenizers")) {
    const std::string_view type = type_of(part);
    if (has_byte_level) {
      part.fail(ErrorCode::kUnsupported, "{} after ByteLevel is not supported", base::shown(type));
    }
    if (type == "Split") {
      patterns.push_back(split_pattern(part));
    } else if (type == "Digits") {
      patterns.emplace_back(part.boolean_or("individual_digits", false) ? R"(\p{N})" : R"(\p{N}+)");
    } else if (type == "ByteLevel") {
      has_byte_level = true;
      if (part.boolean_or("add_prefix_space", true)) {
        part.fail(ErrorCode::kUnsupported, "add_prefix_space true is not supported");
      }
      if (part.boolean_or("use_regex", true)) {
        patterns.emplace_back(kGpt2Pattern);
      }
    } else {
      part.fail(ErrorCode::kUnsupported,
                "the pre-tokenizer {} is not supported, only Split, Digits and ByteLevel",
                base::shown(type));
    }
  }
  if (!has_byte_level) {
    pre_tokenizer.fail(ErrorCode::kUnsupported,
                       "a pre-tokenizer without ByteLevel is not supported");
  }
  if (patterns.size() > kMaxSplitPatterns) {
    pre_tokenizer.fail(ErrorCode::kUnsupported, "at most {} patterns are supported, got {}",
                       kMaxSplitPatterns, patterns.size());
  }
  return patterns;
}

void check_model(const JsonReader& model) {
  if (type_of(model) != "BPE") {
    model.fail(ErrorCode::kUnsupported, "the model type {} is not supported, only BPE",
               base::shown(type_of(model)));
  }
  if (model.boolean_or("byte_fallback", false)) {
    model.fail(ErrorCode::kUnsupported,
               "byte_fallback true is not supported, only byte-level vocabularies");
  }
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (model.has(key) && !model.at(key).string().empty()) {
      model.at(key).fail(ErrorCode::kUnsupported, "a prefix or suffix is not supported");
    }
  }
}

int32_t checked_id(const JsonReader& value, int64_t id_limit) {
  const int64_t id = value.integer();
  if (id < 0 || id >= id_limit) {
    value.fail(ErrorCode::kInvalidFile,
               "the id {} is out of range: 0 to {} expected from the number of tokens", id,
               id_limit - 1);
  }
  return static_cast<int32_t>(id);
}

void read_vocab(const JsonReader& vocab, int64_t id_limit, TokenizerSpec& spec) {
  const simdjson::dom::object entries = vocab.object();
  spec.vocab.reserve(entries.size());
  for (const auto [content, element] : entries) {
    const int64_t id = element.is_int64() ? element.get_int64().value() : -1;
    if (id < 0 || id >= id_limit) {
      checked_id(vocab.at(content), id_limit);  // says what is wrong with it
    }
    spec.vocab.push_back({std::string(content), static_cast<int32_t>(id)});
  }
}

/// Content of every vocabulary entry to its id; checks that no content and no id comes twice.
VocabIndex index_vocab(const JsonReader& vocab, const TokenizerSpec& spec) {
  VocabIndex index;
  index.reserve(spec.vocab.size());
  std::unordered_map<int32_t, std::string_view> owners;
  owners.reserve(spec.vocab.size());
  for (const VocabEntry& entry : spec.vocab) {
    if (!index.emplace(entry.content, entry.id).second) {
      vocab.fail(ErrorCode::kInvalidFile, "the token {} is listed twice",
                 base::quote(entry.content));
    }
    const auto [owner, is_new] = owners.emplace(entry.id, entry.content);
    if (!is_new) {
      vocab.fail(ErrorCode::kInvalidFile, "the tokens {} and {} have the same id {}",
                 base::quote(owner->second), base::quote(entry.content), entry.id);
    }
  }
  return index;
}

std::array<int32_t, 256> find_byte_ids(const JsonReader& vocab, const VocabIndex& index) {
  std::array<int32_t, 256> ids{};
  for (size_t byte = 0; byte < ids.size(); ++byte) {
    std::string stand_in;
    base::append_utf8(stand_in, byte_stand_in(static_cast<uint8_t>(byte)));
    const auto found = index.find(stand_in);
    if (found == index.end()) {
      vocab.fail(ErrorCode::kInvalidFile, "no token for the byte 0x{:02X} (its stand-in is {:?})",
                 byte, stand_in);
    }
    ids[byte] = found->second;
  }
  return ids;
}

/// The two sides of a merge, given as "left right" or as [left, right].
std::pair<std::string_view, std::string_view> merge_sides(const JsonReader& merge) {
  if (merge.is_string()) {
    const std::string_view text = merge.string();
    const size_t space = text.find(' ');
    if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos) {
      merge.fail(ErrorCode::kInvalidFile, "\"left right\" with one space expected, got {}",
                 base::quote(text));
    }
    return {text.substr(0, space), text.substr(space + 1)};
  }
  const simdjson::dom::array sides = merge.array();
  if (sides.size() != 2) {
    merge.fail(ErrorCode::kInvalidFile, "two tokens expected, got {}", sides.size());
  }
  return {merge.element(sides.at(0).value(), 0).string(),
          merge.element(sides.at(1).value(), 1).string()};
}

void read_merges(const JsonReader& merges, const VocabIndex& index, TokenizerSpec& spec) {
  const simdjson::dom::array entries = merges.array();
  size_t idx = 0;
  std::string merged;
  for (const simdjson::dom::element element : entries) {
    const JsonReader merge = merges.element(element, idx++);
    const auto [left, right] = merge_sides(merge);
    const auto id_of = [&](std::string_view content) {
      const auto found = index.find(content);
      if (found == index.end()) {
        merge.fail(ErrorCode::kInvalidFile, "the token {} is not in model.vocab",
                   base::quote(content));
      }
      return found->second;
    };
    merged.assign(left).append(right);
    spec.merges.push_back({id_of(left), id_of(right), id_of(merged)});
  }
}

AddedToken read_added_token(const JsonReader& token, int64_t id_limit) {
  for (const char* flag : {"lstrip", "rstrip", "single_word"}) {
    if (token.boolean_or(flag, false)) {
      token.fail(ErrorCode::kUnsupported, "{} true is not supported", flag);
    }
  }
  AddedToken added{checked_id(token.at("id"), id_limit), std::string(token.at("content").string()),
                   token.boolean_or("special", false)};
  if (added.content.empty()) {
    token.fail(ErrorCode::kInvalidFile, "the content is empty");
  }
  return added;
}

/// An added token may repeat a vocabulary entry, with the same id and content, and no other.
void check_added_tokens(const JsonReader& list, const TokenizerSpec& spec) {
  std::unordered_map<int32_t, std::string_view> contents;
  contents.reserve(spec.vocab.size() + spec.added_tokens.size());
  for (const VocabEntry& entry : spec.vocab) {
    contents.emplace(entry.id, entry.content);
  }
  std::unordered_map<std::string_view, int32_t> ids;
  for (const AddedToken& token : spec.added_tokens) {
    const auto [owner, is_new] = contents.emplace(token.id, token.content);
    if (!is_new && owner->second != token.content) {
      list.fail(ErrorCode::kInvalidFile, "the id {} of {} belongs to the token {}", token.id,
                base::quote(token.content), base::quote(owner->second));
    }
    if (!ids.emplace(token.content, token.id).second) {
      list.fail(ErrorCode::kInvalidFile, "the token {} is listed twice",
                base::quote(token.content));
    }
  }
}

void read_added_tokens(const JsonReader& root, int64_t id_limit, TokenizerSpec& spec) {
  if (!root.has("added_tokens")) {
    return;
  }
  const JsonReader list = root.at("added_tokens");
  for (const simdjson::dom::element element : list.array()) {
    spec.added_tokens.push_back(
        read_added_token(list.element(element, spec.added_tokens.size()), id_limit));
  }
  check_added_tokens(list, spec);
}

int32_t count_ids(const TokenizerSpec& spec) {
  int32_t largest = -1;
  for (const VocabEntry& entry : spec.vocab) {
    largest = std::max(largest, entry.id);
  }
  for (const AddedToken& token : spec.added_tokens) {
    largest = std::max(largest, token.id);
  }
  return largest + 1;
}

/// Upper bound of ids, from the number of tokens that the file lists.
int64_t id_limit_of(const JsonReader& root, const JsonReader& vocab) {
  const size_t added = root.has("added_tokens") ? root.at("added_tokens").array().size() : 0;
  // simdjson saturates the sizes of huge containers at 2^24 - 1: then the bound is that.
  return static_cast<int64_t>(vocab.object().size() + added) + kMaxIdGaps;
}

}  // namespace

TokenizerSpec parse_tokenizer_json(std::string_view json, const std::string& where) {
  simdjson::dom::parser parser;
  const JsonReader root = parse_json_document(parser, json, where);
  const JsonReader model = root.at("model");
  check_model(model);
  check_normalizer(root);
  check_length_rules(root);
  check_byte_level(root, "post_processor", "processors");
  check_byte_level(root, "decoder", "decoders");

  TokenizerSpec spec;
  spec.split_patterns = read_split_patterns(root);
  spec.ignore_merges = model.boolean_or("ignore_merges", false);
  const JsonReader vocab = model.at("vocab");
  const int64_t id_limit = id_limit_of(root, vocab);
  read_vocab(vocab, id_limit, spec);
  const VocabIndex index = index_vocab(vocab, spec);
  spec.byte_ids = find_byte_ids(vocab, index);
  read_merges(model.at("merges"), index, spec);
  read_added_tokens(root, id_limit, spec);
  spec.id_count = count_ids(spec);
  return spec;
}

}  // namespace levin::text
