// JSON Schema as rules of a grammar, so that a model can write nothing but what fits the schema.
//
// Every generated value fits its schema; not every value that fits can be generated: properties
// come in the order of the schema and none beyond the named ones, strings have one spelling per
// character where a pattern or a length governs them, numbers have bounded digits.
//
// Supported: true and {}; type (one or several), enum, const; object with properties, required,
// additionalProperties (for objects without properties it says what the values are); array with
// items, minItems, maxItems; string with pattern, format (email, hostname, ipv4, ipv6, uuid, date,
// time, date-time) or minLength and maxLength; number and integer with minimum, maximum,
// exclusiveMinimum, exclusiveMaximum, multipleOf; boolean, null; anyOf; allOf of one schema; $ref
// within the document, recursive too. Annotations (title, description, default, ...) say nothing.
// Any other keyword is refused by name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "generation/grammar_builder.h"
#include "generation/grammar_json.h"
#include "text/python_json.h"

namespace levin::generation {

/// The largest schema, in bytes of JSON text. It holds for each schema of a request; the limits of
/// the builder hold for all of them together.
inline constexpr size_t kMaxSchemaBytes = size_t{64} << 10;

/// Work that is charged for a key of an object: to look it up among all others, and to copy it.
inline constexpr int64_t kStepsPerKey = 40;

/// Throws Error(kInvalidArgument) at `place` for a schema beyond kMaxSchemaBytes, and charges
/// `builder` for the bytes.
void check_schema_bytes(GrammarBuilder& builder, const text::JsonValue& schema,
                        const SchemaPlace* place);

/// Which values of a schema, and how written.
enum class ValueForm {
  kJson,      ///< all, as JSON
  kRawText,   ///< strings alone, as raw text
  kNoString,  ///< all but strings, as JSON
};

/// Adds the rules of one schema to a grammar. All functions throw Error(kInvalidArgument) whose
/// `where` is the place in the schema, as "NAME#/json/pointer". What they do beyond building states
/// (places, keys, references) they charge to the builder.
class SchemaCompiler {
 public:
  using Rule = GrammarBuilder::Rule;
  using Fragment = GrammarBuilder::Fragment;

  /// `name` says which schema this is ("response_format.json_schema.schema"). `root` must outlive
  /// this, and so must `builder` and `json`, which other compilers may use too.
  SchemaCompiler(GrammarBuilder& builder, JsonRules& json, const text::JsonValue& root,
                 std::string name);

  /// The rule for the values of the root schema.
  [[nodiscard]] Rule root(ValueForm form = ValueForm::kJson);

  struct Property {
    std::string key;
    bool is_required = false;
    Rule text = 0;   ///< kRawText
    Rule other = 0;  ///< kNoString
  };
  /// The properties of the root schema, which must be an object with named properties (or a
  /// reference to one), for formats that write them one by one. Without type: none.
  [[nodiscard]] std::vector<Property> root_properties();

  /// Defines all rules that were asked for and those that they need.
  void define_rules();

 private:
  struct Schema {
    const text::JsonValue* value = nullptr;
    const SchemaPlace* place = nullptr;
  };
  struct Job {
    Schema schema;
    ValueForm form = ValueForm::kJson;
    Rule rule = 0;
  };
  struct Member {
    std::string key;
    bool is_required = false;
    Schema schema;  ///< without value: any
  };

  [[nodiscard]] Rule rule_for(const Schema& schema, ValueForm form);
  [[nodiscard]] Rule any(ValueForm form);
  [[nodiscard]] Fragment compile(const Schema& schema, ValueForm form);
  [[nodiscard]] Fragment compile_types(const Schema& schema, ValueForm form);
  [[nodiscard]] Fragment compile_type(std::string_view type, const Schema& schema, ValueForm form);
  [[nodiscard]] Fragment compile_any_of(const Schema& schema, ValueForm form);
  [[nodiscard]] Fragment compile_values(const Schema& schema, ValueForm form);
  [[nodiscard]] Fragment compile_object(const Schema& schema);
  [[nodiscard]] Fragment compile_members(const std::vector<Member>& members);
  [[nodiscard]] Fragment compile_array(const Schema& schema);
  [[nodiscard]] Fragment compile_string(const Schema& schema, ValueForm form);
  [[nodiscard]] Fragment compile_number(const Schema& schema, bool is_integer);
  [[nodiscard]] std::vector<Member> members_of(const Schema& schema) const;
  [[nodiscard]] const SchemaPlace* child(const SchemaPlace* place, std::string_view key) const;
  [[nodiscard]] Schema resolve(const Schema& schema) const;
  [[nodiscard]] Schema sole_part(const Schema& schema, std::string_view keyword) const;

  GrammarBuilder& builder_;
  JsonRules& json_;
  Schema root_;
  std::string name_;
  std::map<std::pair<const text::JsonValue*, ValueForm>, Rule> rules_;
  std::vector<Job> jobs_;
};

}  // namespace levin::generation
