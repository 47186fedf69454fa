// A small XML reader for tests: enough to see that an SVG is well-formed and what it shows.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace levin::testing {

struct XmlElement {
  std::string name;
  std::map<std::string, std::string> attributes;
  std::string text;  ///< directly inside, entities decoded
};

/// All elements in document order. Throws std::runtime_error if `xml` is not one well-formed
/// element: tags that do not nest, attributes unquoted or twice, unknown entities, bare & or <.
std::vector<XmlElement> parse_xml(std::string_view xml);

/// Texts of all elements of that name.
std::vector<std::string> xml_texts(const std::vector<XmlElement>& elements, std::string_view name);

}  // namespace levin::testing
