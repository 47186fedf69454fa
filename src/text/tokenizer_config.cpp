#include "text/tokenizer_config.h"

#include <simdjson.h>

#include <filesystem>

#include "base/files.h"
#include "text/json_reader.h"

namespace levin::text {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;

constexpr int64_t kMaxConfigBytes = int64_t{16} << 20;

/// A small JSON file that may be missing.
class OptionalJsonFile {
 public:
  OptionalJsonFile(const std::string& folder, const char* name) {
    const fs::path path = fs::path(folder) / name;
    if (base::exists(path.string())) {
      root_ = parse_json_document(parser_, base::read_regular_file(path.string(), kMaxConfigBytes),
                                  path.string());
    }
  }

  [[nodiscard]] std::optional<JsonReader> find(std::string_view key) const {
    return root_ && root_->has(key) ? std::optional(root_->at(key)) : std::nullopt;
  }

 private:
  simdjson::dom::parser parser_;
  std::optional<JsonReader> root_;
};

std::optional<int32_t> mark_by_content(const OptionalJsonFile& file, std::string_view key,
                                       const Tokenizer& tokenizer) {
  const auto mark = file.find(key);
  if (!mark) {
    return std::nullopt;
  }
  const std::string_view content =
      mark->is_object() ? mark->at("content").string() : mark->string();
  const auto id = tokenizer.id_of(content);
  if (!id) {
    mark->fail(ErrorCode::kInvalidFile, "{} is no added token of tokenizer.json",
               base::quote(content));
  }
  return id;
}

std::optional<int32_t> mark_by_id(const OptionalJsonFile& file, std::string_view key,
                                  const Tokenizer& tokenizer) {
  const auto mark = file.find(key);
  if (!mark) {
    return std::nullopt;
  }
  int64_t id = -1;
  if (mark->is_array()) {
    const simdjson::dom::array ids = mark->array();
    if (ids.size() == 0) {
      return std::nullopt;
    }
    id = mark->element(ids.at(0).value(), 0).integer();
  } else {
    id = mark->integer();
  }
  if (id < 0 || id >= tokenizer.vocab_size() || !tokenizer.is_known(static_cast<int32_t>(id))) {
    mark->fail(ErrorCode::kInvalidFile, "the id {} is not in tokenizer.json", id);
  }
  return static_cast<int32_t>(id);
}

}  // namespace

SequenceMarks read_sequence_marks(const std::string& folder, const Tokenizer& tokenizer) {
  const OptionalJsonFile tokenizer_config(folder, "tokenizer_config.json");
  SequenceMarks marks{mark_by_content(tokenizer_config, "bos_token", tokenizer),
                      mark_by_content(tokenizer_config, "eos_token", tokenizer)};
  const OptionalJsonFile config(folder, "config.json");
  if (!marks.bos_id) {
    marks.bos_id = mark_by_id(config, "bos_token_id", tokenizer);
  }
  if (!marks.eos_id) {
    marks.eos_id = mark_by_id(config, "eos_token_id", tokenizer);
  }
  return marks;
}

bool has_chat_template(const std::string& folder) {
  if (base::exists((fs::path(folder) / "chat_template.jinja").string()) ||
      base::exists((fs::path(folder) / "chat_template.json").string())) {
    return true;
  }
  return OptionalJsonFile(folder, "tokenizer_config.json").find("chat_template").has_value();
}

std::string read_model_type(const std::string& folder) {
  const OptionalJsonFile config(folder, "config.json");
  const auto model_type = config.find("model_type");
  return model_type ? std::string(model_type->string()) : std::string();
}

}  // namespace levin::text
