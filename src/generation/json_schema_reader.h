// Typed access to the keywords of a JSON Schema, with errors that name the place.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "generation/grammar_number.h"
#include "generation/schema_place.h"
#include "text/python_json.h"

namespace levin::generation {

/// Throws Error(kInvalidArgument) at `place`.
[[noreturn]] void fail_schema(const SchemaPlace* place, std::string_view problem);

/// One schema that is an object. All functions throw Error(kInvalidArgument) for a keyword whose
/// value has the wrong type.
class SchemaReader {
 public:
  SchemaReader(const text::JsonValue& schema, const SchemaPlace* place)
      : schema_(schema), place_(place) {}

  [[nodiscard]] bool has(std::string_view keyword) const {
    return schema_.find(keyword) != nullptr;
  }
  [[nodiscard]] bool has_any(std::span<const std::string_view> keywords) const;
  [[nodiscard]] bool has_any(std::initializer_list<std::string_view> keywords) const {
    return has_any(std::span(keywords.begin(), keywords.size()));
  }

  /// Throws if the schema has a keyword that is neither an annotation nor among `allowed`.
  void check_keywords(std::initializer_list<std::string_view> allowed,
                      std::string_view beside_what) const;

  [[nodiscard]] std::optional<std::string> text(std::string_view keyword) const;
  /// A whole number from 0 to 1,000,000.
  [[nodiscard]] std::optional<int64_t> count(std::string_view keyword) const;
  [[nodiscard]] std::optional<Decimal> decimal(std::string_view keyword) const;
  [[nodiscard]] bool flag(std::string_view keyword) const;
  /// The array under `keyword`; throws if it is missing or empty.
  [[nodiscard]] const std::vector<text::JsonValue>& list(std::string_view keyword) const;
  /// The strings under `keyword`; none if it is missing.
  [[nodiscard]] std::vector<std::string> texts(std::string_view keyword) const;

  /// The types that the schema is about, each once: "type", or those that its keywords speak of.
  /// None: the schema says nothing about types.
  [[nodiscard]] std::vector<std::string> types() const;

 private:
  [[noreturn]] void fail_at(std::string_view keyword, std::string_view problem) const;
  [[nodiscard]] const text::JsonValue* find(std::string_view keyword, text::JsonValue::Kind kind,
                                            std::string_view wanted) const;

  const text::JsonValue& schema_;
  const SchemaPlace* place_;
};

/// The keywords that say something about values of one type.
[[nodiscard]] const std::vector<std::string_view>& keywords_of_type(std::string_view type);

}  // namespace levin::generation
