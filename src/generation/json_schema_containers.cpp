// Objects and arrays.
#include <fmt/format.h>

#include <set>

#include "generation/json_schema.h"
#include "generation/json_schema_reader.h"

namespace levin::generation {

using Fragment = GrammarBuilder::Fragment;
using text::JsonValue;

/// The properties in the order of the schema, then those that are required and not described.
std::vector<SchemaCompiler::Member> SchemaCompiler::members_of(const Schema& schema) const {
  const SchemaReader reader(*schema.value, schema.place);
  const std::vector<std::string> required = reader.texts("required");
  builder_.charge(kStepsPerKey * static_cast<int64_t>(required.size()));
  const std::set<std::string_view> required_keys(required.begin(), required.end());
  std::vector<Member> members;
  std::set<std::string_view> known_keys;
  const JsonValue* properties = schema.value->find("properties");
  const SchemaPlace* place = child(schema.place, "properties");
  if (properties != nullptr) {
    if (!properties->is(JsonValue::Kind::kObject)) {
      fail_schema(place, "an object expected");
    }
    for (const text::JsonMember& property : properties->members) {
      builder_.charge(kStepsPerKey);
      known_keys.insert(property.key);
      members.push_back({property.key,
                         required_keys.contains(property.key),
                         {&property.value, child(place, property.key)}});
    }
  }
  const Schema others{schema.value->find("additionalProperties"),
                      child(schema.place, "additionalProperties")};
  for (const std::string& key : required) {
    if (known_keys.insert(key).second) {
      members.push_back({key, true, others});
    }
  }
  return members;
}

Fragment SchemaCompiler::compile_object(const Schema& schema) {
  const std::vector<Member> members = members_of(schema);
  const JsonValue* others = schema.value->find("additionalProperties");
  const bool is_closed =
      others != nullptr && others->is(JsonValue::Kind::kBool) && !others->boolean;
  if (members.empty() && !is_closed) {
    return json_.map_of(
        rule_for({others, child(schema.place, "additionalProperties")}, ValueForm::kJson));
  }
  const Fragment inside = compile_members(members);
  return builder_.sequence({builder_.literal("{"), json_.space(), inside, builder_.literal("}")});
}

/// Two rows of states, before and after the first member that is written: commas stand between.
Fragment SchemaCompiler::compile_members(const std::vector<Member>& members) {
  const auto written = [&](const Member& member) {
    return builder_.sequence({builder_.literal("\""),
                              exact_text(builder_, member.key, CharForm::kJson),
                              builder_.literal("\":"), json_.space(),
                              builder_.call(rule_for(member.schema, ValueForm::kJson))});
  };
  const Fragment whole = builder_.nothing();
  int32_t before = whole.begin;
  int32_t after = builder_.add_state();
  bool is_first_possible = true;
  for (const Member& member : members) {
    const int32_t next_after = builder_.add_state();
    const Fragment later =
        builder_.sequence({builder_.literal(","), json_.space(), written(member)});
    builder_.add_empty_edge(after, later.begin);
    builder_.add_empty_edge(later.end, next_after);
    if (is_first_possible) {
      const Fragment first = written(member);
      builder_.add_empty_edge(before, first.begin);
      builder_.add_empty_edge(first.end, next_after);
    }
    if (!member.is_required) {
      builder_.add_empty_edge(after, next_after);
    }
    is_first_possible = is_first_possible && !member.is_required;
    after = next_after;
  }
  if (is_first_possible) {
    builder_.add_empty_edge(before, whole.end);
  }
  const Fragment space = json_.space();
  builder_.add_empty_edge(after, space.begin);
  builder_.add_empty_edge(space.end, whole.end);
  return whole;
}

Fragment SchemaCompiler::compile_array(const Schema& schema) {
  const SchemaReader reader(*schema.value, schema.place);
  if (reader.flag("uniqueItems")) {
    fail_schema(schema.place, "the keyword \"uniqueItems\" is not supported");
  }
  const int64_t at_least = reader.count("minItems").value_or(0);
  const int64_t at_most = reader.count("maxItems").value_or(-1);
  if (at_most >= 0 && at_most < at_least) {
    fail_schema(schema.place, "maxItems is below minItems");
  }
  const Schema items{schema.value->find("items"), child(schema.place, "items")};
  return json_.array_of(rule_for(items, ValueForm::kJson), at_least, at_most);
}

}  // namespace levin::generation
