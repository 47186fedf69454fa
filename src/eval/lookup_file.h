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

/// The documents of a file's content, in order, one on each line that is not blank. Throws
/// Error(kInvalidFile) naming `path` and the line: no JSON object, no UTF-8, a key that is missing,
/// not known or of another type, an id twice; and for content without questions.
[[nodiscard]] std::vector<LookupDocument> parse_lookup_file(std::string_view content,
                                                            const std::string& path);

/// The same of a file's content. Throws also as base::read_file.
[[nodiscard]] std::vector<LookupDocument> read_lookup_file(const std::string& path);

}  // namespace levin::eval
