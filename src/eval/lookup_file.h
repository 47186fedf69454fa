// Look-up questions as `levin-train data questions` writes them. Format: docs/data.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace levin::eval {

struct LookupQuestion {
  std::string question;
  std::string answer;  ///< the value alone
  double depth = 0.0;  ///< of the fact that holds the value: 0 beginning, 1 end of the document
};

struct LookupDocument {
  std::string id;
  int64_t length = 0;   ///< tokens of context, answer included
  std::string wording;  ///< "first", "second", ...
  int64_t hops = 1;
  std::string document;
  std::vector<LookupQuestion> questions;
};

/// One document of the file. Throws Error(kInvalidFile) naming `where` for a line that is no JSON
/// object or no UTF-8, and for a key that is missing, not known or of another type.
[[nodiscard]] LookupDocument parse_lookup_document(std::string_view line, const std::string& where);

/// All documents, in order. Throws as parse_lookup_document with file and line, Error(kInvalidFile)
/// for a file without questions or with an id twice, and as base::read_file.
[[nodiscard]] std::vector<LookupDocument> read_lookup_file(const std::string& path);

}  // namespace levin::eval
