// Strings, numbers and listed values.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/utf8.h"
#include "generation/grammar_regex.h"
#include "generation/json_schema.h"
#include "generation/json_schema_reader.h"

namespace levin::generation {
namespace {

using Fragment = GrammarBuilder::Fragment;
using text::JsonValue;

constexpr size_t kMaxPatternBytes = 4096;
constexpr int kMaxMultipleDigits = 9;

struct Format {
  std::string_view name;
  std::string_view pattern;
};

#define LEVIN_LABEL "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
#define LEVIN_OCTET "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
#define LEVIN_H16 "[0-9a-fA-F]{1,4}"
#define LEVIN_DATE                                                \
  "([1-9][0-9]{3}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|"    \
  "(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))|" \
  "([1-9][0-9](0[48]|[2468][048]|[13579][26])|([2468][048]|[13579][26])00)-02-29)"
#define LEVIN_TIME                                           \
  "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?" \
  "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"

/// Each pattern gives texts that every reading of the format accepts: lengths and days are right.
constexpr std::array<Format, 8> kFormats = {{
    {"email",
     "^[A-Za-z0-9_+-]{1,20}(\\.[A-Za-z0-9_+-]{1,20}){0,2}@"
     "[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?)"
     "{0,2}\\.[A-Za-z]{2,10}$"},
    {"hostname", "^" LEVIN_LABEL "(\\." LEVIN_LABEL "){0,2}$"},
    {"ipv4", "^" LEVIN_OCTET "(\\." LEVIN_OCTET "){3}$"},
    {"ipv6",
     "^((" LEVIN_H16 ":){7}" LEVIN_H16 "|(" LEVIN_H16 ":){1,7}:|(" LEVIN_H16 ":){1,6}:" LEVIN_H16
     "|(" LEVIN_H16 ":){1,5}(:" LEVIN_H16 "){1,2}|(" LEVIN_H16 ":){1,4}(:" LEVIN_H16 "){1,3}"
     "|(" LEVIN_H16 ":){1,3}(:" LEVIN_H16 "){1,4}|(" LEVIN_H16 ":){1,2}(:" LEVIN_H16 "){1,5}"
     "|" LEVIN_H16 ":(:" LEVIN_H16 "){1,6}|:(:" LEVIN_H16 "){1,7}|::)$"},
    {"uuid", "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"},
    {"date", "^" LEVIN_DATE "$"},
    {"time", "^" LEVIN_TIME "$"},
    {"date-time", "^" LEVIN_DATE "T" LEVIN_TIME "$"},
}};

#undef LEVIN_LABEL
#undef LEVIN_OCTET
#undef LEVIN_H16
#undef LEVIN_DATE
#undef LEVIN_TIME

std::string_view pattern_of_format(const std::string& format, const SchemaPlace* place) {
  std::string names;
  for (const Format& known : kFormats) {
    if (known.name == format) {
      return known.pattern;
    }
    names += names.empty() ? "" : ", ";
    names += known.name;
  }
  fail_schema(place,
              fmt::format("the format \"{}\" is not supported; there are {}", format, names));
}

bool is_of_type(const JsonValue& value, std::string_view type) {
  switch (value.kind) {
    case JsonValue::Kind::kNull:
      return type == "null";
    case JsonValue::Kind::kBool:
      return type == "boolean";
    case JsonValue::Kind::kInteger:
      return type == "integer" || type == "number";
    case JsonValue::Kind::kFloat:
      return type == "number" || (type == "integer" && std::floor(value.number) == value.number);
    case JsonValue::Kind::kString:
      return type == "string";
    case JsonValue::Kind::kArray:
      return type == "array";
    case JsonValue::Kind::kObject:
      break;
  }
  return type == "object";
}

/// True if a number in the value is beyond the range of a double, so that JSON has no text for it.
bool has_infinite_number(const JsonValue& value) {
  return (value.is(JsonValue::Kind::kFloat) && !std::isfinite(value.number)) ||
         std::ranges::any_of(value.items, has_infinite_number) ||
         std::ranges::any_of(value.members, [](const text::JsonMember& member) {
           return has_infinite_number(member.value);
         });
}

/// The JSON text of a value; the bar of the tags, which can only be in its strings, is escaped.
std::string json_text(const JsonValue& value, const SchemaPlace* place) {
  if (has_infinite_number(value)) {
    fail_schema(place, "a number beyond the range of a double cannot be written");
  }
  std::string bar;
  base::append_utf8(bar, kTagBar);
  const std::string written = write_python_json(value);
  std::string text;
  size_t begin = 0;
  for (size_t pos = written.find(bar); pos != std::string::npos; pos = written.find(bar, begin)) {
    text.append(written, begin, pos - begin).append("\\uff5c");
    begin = pos + bar.size();
  }
  text.append(written, begin);
  return text;
}

}  // namespace

/// "const" and "enum": each value in one spelling.
Fragment SchemaCompiler::compile_values(const Schema& schema, ValueForm form) {
  const SchemaReader reader(*schema.value, schema.place);
  const std::string keyword = reader.has("const") ? "const" : "enum";
  reader.check_keywords({keyword, "type"}, fmt::format(" beside \"{}\"", keyword));
  const SchemaPlace* place = child(schema.place, keyword);
  const std::vector<std::string> types = reader.types();
  const auto fits = [&](const JsonValue& value) {
    const bool is_string = value.is(JsonValue::Kind::kString);
    bool has_type = types.empty();
    for (const std::string& type : types) {
      has_type = has_type || is_of_type(value, type);
    }
    return has_type && (is_string ? form != ValueForm::kNoString : form != ValueForm::kRawText);
  };
  const std::vector<JsonValue> one = {keyword == "const" ? *schema.value->find(keyword)
                                                         : JsonValue()};
  const std::vector<JsonValue>& values = keyword == "const" ? one : reader.list(keyword);
  std::vector<Fragment> ways;
  for (const JsonValue& value : values) {
    if (fits(value)) {
      ways.push_back(
          form == ValueForm::kRawText
              ? exact_text(builder_, text::replace_lone_surrogates(value.text), CharForm::kRaw)
              : builder_.literal(json_text(value, place)));
    }
  }
  return builder_.choice(ways);
}

Fragment SchemaCompiler::compile_string(const Schema& schema, ValueForm form) {
  const SchemaReader reader(*schema.value, schema.place);
  const CharForm char_form = form == ValueForm::kRawText ? CharForm::kRaw : CharForm::kJson;
  const bool has_length = reader.has_any({"minLength", "maxLength"});
  const auto pattern = reader.text("pattern");
  const auto format = reader.text("format");
  if ((pattern ? 1 : 0) + (format ? 1 : 0) + (has_length ? 1 : 0) > 1) {
    fail_schema(schema.place,
                "\"pattern\", \"format\" and lengths are not supported together: say it in one "
                "pattern");
  }
  if (!pattern && !format && !has_length) {
    return builder_.call(json_.string(char_form));
  }
  Fragment text;
  if (has_length) {
    const int64_t at_least = reader.count("minLength").value_or(0);
    const int64_t at_most = reader.count("maxLength").value_or(-1);
    if (at_most >= 0 && at_most < at_least) {
      fail_schema(schema.place, "maxLength is below minLength");
    }
    const Rule character = json_.character(char_form);
    text = builder_.repeat(at_least, at_most, [&] { return builder_.call(character); });
  } else {
    const SchemaPlace* place = child(schema.place, pattern ? "pattern" : "format");
    const std::string_view expression = pattern ? *pattern : pattern_of_format(*format, place);
    if (expression.size() > kMaxPatternBytes) {
      fail_schema(place, fmt::format("a pattern may have {} bytes", kMaxPatternBytes));
    }
    builder_.set_place(place);
    text = regex_fragment(builder_, parse_regex(expression, place), char_form);
  }
  return char_form == CharForm::kRaw
             ? text
             : builder_.sequence({builder_.literal("\""), text, builder_.literal("\"")});
}

Fragment SchemaCompiler::compile_number(const Schema& schema, bool is_integer) {
  const SchemaReader reader(*schema.value, schema.place);
  if (!reader.has_any(
          {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})) {
    return builder_.call(is_integer ? json_.integer() : json_.number());
  }
  for (const auto& [inclusive, exclusive] :
       {std::pair("minimum", "exclusiveMinimum"), std::pair("maximum", "exclusiveMaximum")}) {
    if (reader.has(inclusive) && reader.has(exclusive)) {
      fail_schema(schema.place, fmt::format("\"{}\" and \"{}\" are not supported together",
                                            inclusive, exclusive));
    }
  }
  NumberBounds bounds;
  bounds.is_integer = is_integer;
  bounds.excludes_low = reader.has("exclusiveMinimum");
  bounds.low = reader.decimal(bounds.excludes_low ? "exclusiveMinimum" : "minimum");
  bounds.excludes_high = reader.has("exclusiveMaximum");
  bounds.high = reader.decimal(bounds.excludes_high ? "exclusiveMaximum" : "maximum");
  bounds.multiple_of = reader.decimal("multipleOf");
  if (bounds.multiple_of) {
    const Decimal& multiple = *bounds.multiple_of;
    const size_t digits = multiple.whole.size() + multiple.fraction.size();
    if (multiple.is_negative || multiple.is_zero() || digits > kMaxMultipleDigits) {
      fail_schema(
          child(schema.place, "multipleOf"),
          fmt::format("a number above zero with at most {} digits expected", kMaxMultipleDigits));
    }
  }
  return number_within(builder_, bounds);
}

}  // namespace levin::generation
