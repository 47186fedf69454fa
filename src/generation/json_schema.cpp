// References, combinations and types; objects, arrays and plain values have their own files.
#include "generation/json_schema.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "base/error.h"
#include "generation/json_schema_reader.h"

namespace levin::generation {
namespace {

using Fragment = GrammarBuilder::Fragment;
using text::JsonValue;

/// One step of a JSON pointer, with its escapes (%XX of a URI, ~0, ~1) undone.
std::string pointer_step(std::string_view step) {
  std::string made;
  while (!step.empty()) {
    size_t length = 1;
    auto byte = static_cast<uint8_t>(step[0]);
    if (step.starts_with("~0") || step.starts_with("~1")) {
      byte = static_cast<uint8_t>(step[1] == '0' ? '~' : '/');
      length = 2;
    } else if (step.starts_with('%') && step.size() >= 3 &&
               std::from_chars(step.data() + 1, step.data() + 3, byte, 16).ptr == step.data() + 3) {
      length = 3;
    }
    made += static_cast<char>(byte);
    step.remove_prefix(length);
  }
  return made;
}

const JsonValue* child_of(const JsonValue& value, const std::string& step) {
  if (!value.is(JsonValue::Kind::kArray)) {
    return value.find(step);
  }
  size_t idx = value.items.size();
  const auto read = std::from_chars(step.data(), step.data() + step.size(), idx);
  const bool is_index = read.ec == std::errc() && read.ptr == step.data() + step.size();
  return is_index && idx < value.items.size() ? &value.items[idx] : nullptr;
}

}  // namespace

void check_schema_bytes(GrammarBuilder& builder, const JsonValue& schema,
                        const SchemaPlace* place) {
  const size_t bytes = write_python_json(schema).size();
  if (bytes > kMaxSchemaBytes) {
    fail_schema(place, fmt::format("a schema may have {} bytes, this one has {}; make it smaller, "
                                   "for example its descriptions",
                                   kMaxSchemaBytes, bytes));
  }
  builder.set_place(place);
  builder.charge(static_cast<int64_t>(bytes));
}

SchemaCompiler::SchemaCompiler(GrammarBuilder& builder, JsonRules& json, const JsonValue& root,
                               std::string name)
    : builder_(builder),
      json_(json),
      root_{&root, builder.add_place(nullptr, name + "#")},
      name_(std::move(name)) {
  check_schema_bytes(builder, root, root_.place);
}

SchemaCompiler::Rule SchemaCompiler::root(ValueForm form) { return rule_for(root_, form); }

SchemaCompiler::Rule SchemaCompiler::any(ValueForm form) {
  switch (form) {
    case ValueForm::kRawText:
      return json_.string(CharForm::kRaw);
    case ValueForm::kNoString:
      return json_.value_but_string();
    case ValueForm::kJson:
      break;
  }
  return json_.value();
}

SchemaCompiler::Rule SchemaCompiler::rule_for(const Schema& schema, ValueForm form) {
  if (schema.value == nullptr) {
    return any(form);
  }
  const auto key = std::pair(schema.value, form);
  const auto known = rules_.find(key);
  if (known != rules_.end()) {
    return known->second;
  }
  builder_.set_place(schema.place);
  const Rule rule = builder_.declare();
  rules_.emplace(key, rule);
  jobs_.push_back({schema, form, rule});
  return rule;
}

void SchemaCompiler::define_rules() {
  while (!jobs_.empty()) {
    const Job job = jobs_.back();
    jobs_.pop_back();
    const Fragment fragment = compile(job.schema, job.form);
    builder_.set_place(job.schema.place);
    builder_.define(job.rule, fragment);
  }
}

Fragment SchemaCompiler::compile(const Schema& schema, ValueForm form) {
  builder_.set_place(schema.place);
  if (schema.value->is(JsonValue::Kind::kBool)) {
    return schema.value->boolean ? builder_.call(any(form)) : builder_.nothing();
  }
  if (!schema.value->is(JsonValue::Kind::kObject)) {
    fail_schema(schema.place, fmt::format("a schema is an object, true or false, this is {}",
                                          json_kind_name(schema.value->kind)));
  }
  const SchemaReader reader(*schema.value, schema.place);
  if (reader.has("$ref")) {
    return builder_.call(rule_for(resolve(schema), form));
  }
  if (reader.has("allOf")) {
    return builder_.call(rule_for(sole_part(schema, "allOf"), form));
  }
  if (reader.has("anyOf")) {
    return compile_any_of(schema, form);
  }
  if (reader.has_any({"const", "enum"})) {
    return compile_values(schema, form);
  }
  return compile_types(schema, form);
}

const SchemaPlace* SchemaCompiler::child(const SchemaPlace* place, std::string_view key) const {
  return builder_.add_place(place, std::string(key));
}

SchemaCompiler::Schema SchemaCompiler::resolve(const Schema& schema) const {
  const SchemaReader reader(*schema.value, schema.place);
  reader.check_keywords({"$ref"}, " beside \"$ref\"");
  const std::string ref = *reader.text("$ref");
  const SchemaPlace* place = child(schema.place, "$ref");
  if (!ref.starts_with('#')) {
    fail_schema(place, "references must begin with #: other documents are not read");
  }
  const JsonValue* value = root_.value;
  std::string_view rest = std::string_view(ref).substr(1);
  while (value != nullptr && rest.starts_with('/')) {
    rest.remove_prefix(1);
    const size_t end = std::min(rest.find('/'), rest.size());
    builder_.charge(static_cast<int64_t>(value->members.size() + end));
    value = child_of(*value, pointer_step(rest.substr(0, end)));
    rest.remove_prefix(end);
  }
  if (value == nullptr || !rest.empty()) {
    fail_schema(place, fmt::format("nothing is at {}", ref));
  }
  return {value, builder_.add_place(nullptr, name_ + ref)};
}

/// The one schema in the array under `keyword`.
SchemaCompiler::Schema SchemaCompiler::sole_part(const Schema& schema,
                                                 std::string_view keyword) const {
  const SchemaReader reader(*schema.value, schema.place);
  reader.check_keywords({keyword}, fmt::format(" beside \"{}\"", keyword));
  const SchemaPlace* place = child(schema.place, keyword);
  const std::vector<JsonValue>& parts = reader.list(keyword);
  if (parts.size() != 1) {
    fail_schema(place, "more than one schema is not supported here; write their sum instead");
  }
  return {&parts.front(), child(place, "0")};
}

Fragment SchemaCompiler::compile_any_of(const Schema& schema, ValueForm form) {
  const SchemaReader reader(*schema.value, schema.place);
  reader.check_keywords({"anyOf"}, " beside \"anyOf\"; put it into each of its schemas");
  const SchemaPlace* place = child(schema.place, "anyOf");
  std::vector<Fragment> ways;
  const std::vector<JsonValue>& parts = reader.list("anyOf");
  for (size_t idx = 0; idx < parts.size(); ++idx) {
    const Schema part{&parts[idx], child(place, std::to_string(idx))};
    ways.push_back(builder_.call(rule_for(part, form)));
  }
  builder_.set_place(schema.place);
  return builder_.choice(ways);
}

Fragment SchemaCompiler::compile_types(const Schema& schema, ValueForm form) {
  const SchemaReader reader(*schema.value, schema.place);
  reader.check_keywords(
      {"type", "properties", "required", "additionalProperties", "items", "minItems", "maxItems",
       "uniqueItems", "pattern", "format", "minLength", "maxLength", "minimum", "maximum",
       "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
      "");
  const std::vector<std::string> types = reader.types();
  if (types.empty()) {
    return builder_.call(any(form));
  }
  std::vector<Fragment> ways;
  for (const std::string& type : types) {
    ways.push_back(compile_type(type, schema, form));
    builder_.set_place(schema.place);
  }
  return builder_.choice(ways);
}

Fragment SchemaCompiler::compile_type(std::string_view type, const Schema& schema, ValueForm form) {
  const bool is_wanted =
      (type == "string") ? form != ValueForm::kNoString : form != ValueForm::kRawText;
  if (!is_wanted) {
    return builder_.nothing();
  }
  if (type == "object") {
    return compile_object(schema);
  }
  if (type == "array") {
    return compile_array(schema);
  }
  if (type == "string") {
    return compile_string(schema, form);
  }
  if (type == "boolean") {
    return builder_.choice({builder_.literal("true"), builder_.literal("false")});
  }
  if (type == "null") {
    return builder_.literal("null");
  }
  return compile_number(schema, type == "integer");
}

std::vector<SchemaCompiler::Property> SchemaCompiler::root_properties() {
  Schema schema = root_;
  for (int hops = 0; schema.value->find("$ref") != nullptr; ++hops) {
    if (hops > 100) {
      fail_schema(root_.place, "the references go in a circle");
    }
    schema = resolve(schema);
  }
  const SchemaReader reader(*schema.value, schema.place);
  reader.check_keywords({"type", "properties", "required", "additionalProperties"},
                        " in the parameters of a function");
  const std::vector<std::string> types = reader.types();
  if (!types.empty() && types != std::vector<std::string>{"object"}) {
    fail_schema(schema.place, "the parameters of a function must be of type object");
  }
  std::vector<Property> properties;
  for (const Member& member : members_of(schema)) {
    properties.push_back({member.key, member.is_required,
                          rule_for(member.schema, ValueForm::kRawText),
                          rule_for(member.schema, ValueForm::kNoString)});
  }
  return properties;
}

}  // namespace levin::generation
