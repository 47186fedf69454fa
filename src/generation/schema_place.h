// Where in a schema something stands, for errors.
#pragma once

#include <string>

namespace levin::generation {

/// A JSON pointer as a chain of steps, each of which knows the one before it. A schema may have
/// thousands of places below one long key: as texts, each would hold that key again.
struct SchemaPlace {
  const SchemaPlace* parent = nullptr;  ///< null: the first step, whose `key` is "NAME#"
  std::string key;
};

/// "NAME#/properties/a": the keys with the escapes of JSON pointers. Null: "".
[[nodiscard]] std::string place_text(const SchemaPlace* place);

}  // namespace levin::generation
