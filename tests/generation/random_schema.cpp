#include "random_schema.h"

#include <string>
#include <vector>

#include "base/random.h"

namespace levin::generation {
namespace {

using nlohmann::ordered_json;

class Maker {
 public:
  explicit Maker(uint64_t seed) : seed_(seed) {}

  ordered_json document() {
    ordered_json schema = value(3);
    // An object to refer to, which may hold itself.
    schema["$defs"]["node"] = {
        {"type", "object"},
        {"properties",
         {{"name", value(0)},
          {"child", {{"anyOf", {{{"$ref", "#/$defs/node"}}, {{"type", "null"}}}}}},
          {"more", {{"type", "array"}, {"items", {{"$ref", "#/$defs/node"}}}}}}},
        {"required", {"name", "child"}},
        {"additionalProperties", false}};
    return schema;
  }

 private:
  uint64_t pick(uint64_t count) { return base::random_bits(seed_, counter_++) % count; }

  template <typename T>
  const T& one_of(const std::vector<T>& values) {
    return values[pick(values.size())];
  }

  ordered_json value(int depth) {
    switch (pick(depth > 0 ? 10 : 6)) {
      case 0:
        return string();
      case 1:
        return integer();
      case 2:
        return number();
      case 3:
        return {{"type", "boolean"}};
      case 4:
        return listed();
      case 5:
        return string();
      case 6:
        return array(depth);
      case 7:
        return {{"anyOf", {value(depth - 1), value(depth - 1), {{"type", "null"}}}}};
      case 8:
        return pick(2) == 0 ? ordered_json{{"$ref", "#/$defs/node"}} : object(depth);
      default:
        return object(depth);
    }
  }

  ordered_json string() {
    static const std::vector<std::string> patterns = {
        "^[a-z]{2,5}$",   "^\\d{3}-\\d{4}$", "x+y",      "^(red|green|blue)$", "^[^\"\\\\]*$",
        "^\\w+(,\\w+)*$", "^\\S.{0,8}$",     "[äöü]|^ß", "^a?b*c+$",           "^\"\\n\\\\$"};
    static const std::vector<std::string> formats = {"email", "hostname", "ipv4", "ipv6",
                                                     "uuid",  "date",     "time", "date-time"};
    ordered_json schema = {{"type", "string"}};
    switch (pick(4)) {
      case 0:
        schema["pattern"] = one_of(patterns);
        break;
      case 1:
        schema["format"] = one_of(formats);
        break;
      case 2:
        schema["minLength"] = pick(4);
        schema["maxLength"] = 4 + pick(8);
        break;
      default:
        break;
    }
    return schema;
  }

  ordered_json integer() {
    ordered_json schema = {{"type", "integer"}};
    const auto low = static_cast<int64_t>(pick(2000)) - 1000;
    if (pick(2) == 0) {
      schema[pick(2) == 0 ? "minimum" : "exclusiveMinimum"] = low;
    }
    if (pick(2) == 0) {
      schema[pick(2) == 0 ? "maximum" : "exclusiveMaximum"] =
          low + 20 + static_cast<int64_t>(pick(100000));
    }
    if (pick(3) == 0) {
      schema["multipleOf"] = 1 + pick(9);
    }
    return schema;
  }

  ordered_json number() {
    static const std::vector<double> lows = {-1.5, 0, 0.001, 3.25, -1000, 99.999};
    static const std::vector<double> multiples = {0.01, 0.5, 2, 0.25};
    ordered_json schema = {{"type", "number"}};
    const double low = one_of(lows);
    if (pick(2) == 0) {
      schema[pick(2) == 0 ? "minimum" : "exclusiveMinimum"] = low;
    }
    if (pick(2) == 0) {
      schema[pick(2) == 0 ? "maximum" : "exclusiveMaximum"] = low + 2.125;
    }
    if (pick(3) == 0) {
      schema["multipleOf"] = one_of(multiples);
    }
    return schema;
  }

  ordered_json listed() {
    static const std::vector<ordered_json> known = {
        nullptr, true, -7, 2.5, "a \"b\"", "｜tag｜", ordered_json::array({1, "x"}), {{"k", "v"}}};
    if (pick(3) == 0) {
      return {{"const", one_of(known)}};
    }
    ordered_json values = ordered_json::array();
    for (uint64_t count = 1 + pick(4); count > 0; --count) {
      values.push_back(one_of(known));
    }
    return {{"enum", values}};
  }

  ordered_json array(int depth) {
    ordered_json schema = {{"type", "array"}, {"items", value(depth - 1)}};
    if (pick(2) == 0) {
      schema["minItems"] = pick(3);
      schema["maxItems"] = 3 + pick(3);
    }
    return schema;
  }

  ordered_json object(int depth) {
    static const std::vector<std::string> keys = {"a", "ab", "name", "city \"x\"", "größe", "z/~"};
    ordered_json schema = {{"type", "object"}, {"properties", ordered_json::object()}};
    ordered_json required = ordered_json::array();
    for (const std::string& key : keys) {
      if (pick(2) == 0) {
        schema["properties"][key] = value(depth - 1);
        if (pick(3) > 0) {
          required.push_back(key);
        }
      }
    }
    schema["required"] = required;
    if (pick(2) == 0) {
      schema["additionalProperties"] = false;
    } else if (pick(3) == 0) {
      schema["additionalProperties"] = value(0);
    }
    return schema;
  }

  uint64_t seed_;
  uint64_t counter_ = 0;
};

}  // namespace

ordered_json random_schema(uint64_t seed) { return Maker(seed).document(); }

}  // namespace levin::generation
