#include "plot/xml_elements.h"

#include <cctype>
#include <stdexcept>
#include <utility>

namespace levin::testing {
namespace {

class XmlReader {
 public:
  explicit XmlReader(std::string_view xml) : rest_(xml) {}

  std::vector<XmlElement> read() {
    skip_space();
    read_element();
    skip_space();
    expect(rest_.empty(), "text after the root element");
    return std::move(elements_);
  }

 private:
  static void expect(bool holds, const std::string& what) {
    if (!holds) {
      throw std::runtime_error("not well-formed: " + what);
    }
  }

  void skip_space() {
    while (!rest_.empty() && std::isspace(static_cast<unsigned char>(rest_.front())) != 0) {
      rest_.remove_prefix(1);
    }
  }

  bool take(std::string_view token) {
    const bool is_next = rest_.substr(0, token.size()) == token;
    rest_.remove_prefix(is_next ? token.size() : 0);
    return is_next;
  }

  std::string take_until(std::string_view stops) {
    const size_t length = rest_.find_first_of(stops);
    expect(length != std::string_view::npos, "the document ends early");
    std::string taken(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return taken;
  }

  static std::string decode(const std::string& text) {
    static const std::map<std::string, char> entities = {
        {"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
    std::string decoded;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '&') {
        decoded += text[i];
        continue;
      }
      const size_t end = text.find(';', i);
      expect(end != std::string::npos, "a bare &");
      const auto entity = entities.find(text.substr(i + 1, end - i - 1));
      expect(entity != entities.end(), "an unknown entity");
      decoded += entity->second;
      i = end;
    }
    return decoded;
  }

  void read_attributes(XmlElement& element) {
    for (skip_space(); rest_.front() != '>' && rest_.front() != '/'; skip_space()) {
      const std::string name = take_until("= >");
      expect(take("=\""), "an attribute without quotes");
      const std::string value = take_until("\"<");
      expect(take("\""), "< in an attribute");
      expect(element.attributes.emplace(name, decode(value)).second, "attribute twice: " + name);
    }
  }

  void read_element() {
    expect(take("<"), "no tag where one must be");
    const size_t idx = elements_.size();
    XmlElement element;
    element.name = take_until(" />\n");
    expect(!element.name.empty(), "a tag without a name");
    read_attributes(element);
    elements_.push_back(element);
    if (take("/>")) {
      return;
    }
    expect(take(">"), "a tag that does not end");
    while (true) {
      elements_[idx].text += decode(take_until("<"));
      if (take("</")) {
        expect(take(element.name) && take(">"), "the end of another element than " + element.name);
        return;
      }
      read_element();
    }
  }

  std::string_view rest_;
  std::vector<XmlElement> elements_;
};

}  // namespace

std::vector<XmlElement> parse_xml(std::string_view xml) { return XmlReader(xml).read(); }

std::vector<std::string> xml_texts(const std::vector<XmlElement>& elements, std::string_view name) {
  std::vector<std::string> texts;
  for (const XmlElement& element : elements) {
    if (element.name == name) {
      texts.push_back(element.text);
    }
  }
  return texts;
}

}  // namespace levin::testing
