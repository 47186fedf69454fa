#include "eval/answer_journal.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/append_line.h"
#include "base/error.h"
#include "base/files.h"
#include "base/fnv1a.h"
#include "formats/json.h"

namespace levin::eval {
namespace {

using base::ErrorCode;
using nlohmann::json;

constexpr std::string_view kJournalSchema = "levin-answers/1";
constexpr int64_t kMaxJournalBytes = int64_t{1} << 32;

/// FNV-1a over the tokens of all prompts.
std::string prompts_key(const LookupPrompts& prompts) {
  uint64_t hash = base::kFnv1aStart;
  const auto add = [&](int64_t value) {
    std::array<char, sizeof value> bytes{};  // the lowest first
    for (size_t byte = 0; byte < bytes.size(); ++byte) {
      bytes[byte] = static_cast<char>(static_cast<uint64_t>(value) >> (8 * byte));
    }
    hash = base::fnv1a({bytes.data(), bytes.size()}, hash);
  };
  const auto add_all = [&](const std::vector<int32_t>& ids) {
    add(std::ssize(ids));
    for (const int32_t id : ids) {
      add(id);
    }
  };
  add_all(prompts.shared);
  for (const std::vector<int32_t>& rest : prompts.rests) {
    add_all(rest);
  }
  return fmt::format("{:016x}", hash);
}

[[noreturn]] void refuse(const std::string& where) {
  base::throw_error(ErrorCode::kInvalidFile, where, "no journal of answers: \"{}\" expected",
                    kJournalSchema);
}

std::string text_of(const json& object, const char* key, const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) {
    base::throw_error(ErrorCode::kInvalidFile, where, "`{}`: a text expected", key);
  }
  return found->get<std::string>();
}

}  // namespace

AnswerJournal::AnswerJournal(std::string path) : path_(std::move(path)) {
  if (!std::filesystem::exists(path_)) {
    return;
  }
  const std::string content = base::read_file(path_, kMaxJournalBytes);
  const size_t whole = content.rfind('\n') + 1;  // 0 if there is none
  int64_t line_number = 0;
  for (size_t begin = 0; begin < whole;) {
    const size_t end = content.find('\n', begin);
    read_line(std::string_view(content).substr(begin, end - begin),
              fmt::format("{}, line {}", path_, ++line_number));
    begin = end + 1;
  }
  if (whole < content.size()) {
    if (content[whole] != '{') {
      refuse(path_);
    }
    std::filesystem::resize_file(path_, whole);
  }
}

void AnswerJournal::read_line(std::string_view line, const std::string& where) {
  const json object = formats::parse_json(line, where);
  if (!object.is_object() || text_of(object, "schema", where) != kJournalSchema) {
    refuse(where);
  }
  const auto list = object.find("texts");
  if (list == object.end() || !list->is_array()) {
    base::throw_error(ErrorCode::kInvalidFile, where, "`texts`: a list expected");
  }
  AnswerTexts texts;
  for (const json& text : *list) {
    if (!text.is_string()) {
      base::throw_error(ErrorCode::kInvalidFile, where, "`texts`: texts expected");
    }
    texts.push_back(text.get<std::string>());
  }
  answers_[{text_of(object, "contestant", where), text_of(object, "prompts", where)}] =
      std::move(texts);
}

const AnswerTexts* AnswerJournal::find(const std::string& contestant,
                                       const LookupPrompts& prompts) const {
  const auto found = answers_.find({contestant, prompts_key(prompts)});
  return found != answers_.end() && found->second.size() == prompts.rests.size() ? &found->second
                                                                                 : nullptr;
}

void AnswerJournal::append(const std::string& contestant, const LookupPrompts& prompts,
                           AnswerTexts texts) {
  Key key{contestant, prompts_key(prompts)};
  const json line = {{"schema", kJournalSchema},
                     {"contestant", key.first},
                     {"prompts", key.second},
                     {"texts", texts}};
  base::append_line(path_, line.dump());
  answers_[std::move(key)] = std::move(texts);
}

}  // namespace levin::eval
