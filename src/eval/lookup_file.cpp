#include "eval/lookup_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "formats/json.h"

namespace levin::eval {
namespace {

using base::ErrorCode;
using nlohmann::json;

constexpr std::string_view kFileSchema = "levin-lookup/1";
constexpr int64_t kMaxFileBytes = int64_t{1} << 32;
constexpr int64_t kMaxLength = int64_t{1} << 30;

/// An object whose keys are taken one by one.
class Fields {
 public:
  Fields(const json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object.is_object()) {
      throw base::Error(ErrorCode::kInvalidFile, "a JSON object expected", where_);
    }
  }

  void allow_only(std::initializer_list<std::string_view> keys) const {
    for (const auto& [key, value] : object_.items()) {
      if (std::ranges::find(keys, key) == keys.end()) {
        base::throw_error(ErrorCode::kInvalidFile, where_, "the key {} is not known",
                          base::quote(key));
      }
    }
  }
  [[nodiscard]] std::string text(const char* key) const {
    const json& value = at(key);
    if (!value.is_string() || value.get_ref<const std::string&>().empty()) {
      wanted(key, "a text");
    }
    return value.get<std::string>();
  }
  [[nodiscard]] int64_t whole_number(const char* key, int64_t min, int64_t max) const {
    const json& value = at(key);
    // A number beyond int64_t is stored unsigned, and negative once converted.
    if (!value.is_number_integer() || value.get<int64_t>() < min || value.get<int64_t>() > max) {
      wanted(key, fmt::format("a whole number from {} to {}", min, max));
    }
    return value.get<int64_t>();
  }
  [[nodiscard]] double share(const char* key) const {
    const json& value = at(key);
    if (!value.is_number() || !(value.get<double>() >= 0.0 && value.get<double>() <= 1.0)) {
      wanted(key, "a number from 0 to 1");
    }
    return value.get<double>();
  }
  [[nodiscard]] const json& list(const char* key) const {
    const json& value = at(key);
    if (!value.is_array() || value.empty()) {
      wanted(key, "a list with at least one entry");
    }
    return value;
  }
  [[noreturn]] void wanted(const char* key, const std::string& what) const {
    base::throw_error(ErrorCode::kInvalidFile, where_, "`{}`: {} expected", key, what);
  }

 private:
  [[nodiscard]] const json& at(const char* key) const {
    const auto found = object_.find(key);
    if (found == object_.end()) {
      base::throw_error(ErrorCode::kInvalidFile, where_, "the key `{}` is missing", key);
    }
    return *found;
  }

  const json& object_;
  std::string where_;
};

LookupQuestion parse_question(const json& entry, const std::string& where) {
  const Fields fields(entry, where);
  fields.allow_only({"question", "answer", "response", "fact", "depth", "relation",
                     "relation_depth", "prompt_tokens"});
  return {.question = fields.text("question"),
          .answer = fields.text("answer"),
          .depth = fields.share("depth")};
}

/// One line; `where` names it.
LookupDocument parse_lookup_document(std::string_view line, const std::string& where) {
  const json object = formats::parse_json(line, where);
  const Fields fields(object, where);
  if (const std::string schema = fields.text("schema"); schema != kFileSchema) {
    fields.wanted("schema", fmt::format("\"{}\"", kFileSchema));
  }
  fields.allow_only({"schema", "id", "length", "wording", "hops", "facts", "document_tokens",
                     "document", "questions"});
  LookupDocument document{.id = fields.text("id"),
                          .length = fields.whole_number("length", 1, kMaxLength),
                          .wording = fields.text("wording"),
                          .hops = fields.whole_number("hops", 1, 2),
                          .document = fields.text("document"),
                          .questions = {}};
  for (const json& entry : fields.list("questions")) {
    document.questions.push_back(parse_question(
        entry, fmt::format("{}, question {}", where, document.questions.size() + 1)));
  }
  return document;
}

}  // namespace

std::vector<LookupDocument> parse_lookup_file(std::string_view content, const std::string& path) {
  std::vector<LookupDocument> documents;
  std::set<std::string> ids;
  int64_t line_number = 0;
  for (size_t begin = 0; begin < content.size();) {
    const size_t end = std::min(content.find('\n', begin), content.size());
    const std::string_view line = content.substr(begin, end - begin);
    const std::string where = fmt::format("{}, line {}", path, ++line_number);
    begin = end + 1;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) {
      continue;
    }
    documents.push_back(parse_lookup_document(line, where));
    if (!ids.insert(documents.back().id).second) {
      base::throw_error(ErrorCode::kInvalidFile, where, "the id {} occurs twice",
                        base::quote(documents.back().id));
    }
  }
  if (documents.empty()) {
    throw base::Error(ErrorCode::kInvalidFile, "the file holds no questions", path);
  }
  return documents;
}

std::vector<LookupDocument> read_lookup_file(const std::string& path) {
  return parse_lookup_file(base::read_file(path, kMaxFileBytes), path);
}

}  // namespace levin::eval
